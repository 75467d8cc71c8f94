"""Kills of the forwarder and of its server, at random: every observation is in the index once, and the newest state stays.

``--kills 100`` of pytest kills the forwarder a hundred times; the share in every run is small.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Tally
from tests.lib.elastic_indices import Indices
from tests.lib.elastic_kills import Exercise, killed_until_done, restless, sent
from tests.lib.processes import shared_out


@pytest.mark.parametrize(
    ("client", "age", "settings"),
    [
        ("elasticsearch", "es9", {"index": "kube-{date:%Y.%m.%d}"}),
        ("opensearch", "opensearch", {"index": "kube", "id": "event"}),
        ("elasticsearch", "es8", {"index": "kube", "data_stream": True, "template": True}),
    ],
    ids=["observations", "events", "data stream"],
)
def test_killed_at_random(
    client: str,
    age: str,
    settings: dict[str, Any],
    tmp_path: Path,
    request: pytest.FixtureRequest,
    tally: Tally,
) -> None:
    """Whatever dies when, what was sent is there: each observation once, or of each event the newest state, or each document created once."""
    kills: int = request.config.getoption("--kills")
    position = tmp_path / "position"
    position.write_text("0")
    indices = Indices()
    with restless(age, indices, seed=kills) as (url, deaths):
        exercise = Exercise(client, url, settings, messages=40 * kills, seed=kills)
        ((died, refused),) = shared_out(killed_until_done, [(str(position), exercise, kills)])
    batch = sent(exercise)
    found = {key: stored for _, key, stored in indices.documents()}
    assert len(found) == len(list(indices.documents()))
    if settings.get("id") == "event":
        expected = {each.key: each for each in sorted(batch, key=lambda each: each.at)}
    else:
        expected = {each.id: each for each in batch}
    assert found.keys() == expected.keys()
    for key, each in expected.items():
        source = {name: value for name, value in found[key].source.items() if name != "@timestamp"}
        assert source == json.loads(each.body)
    if settings.get("data_stream"):
        assert {stored.writes for stored in found.values()} == {1}
    assert refused == 0
    assert died >= kills
    tally("forwarders to Elasticsearch and OpenSearch killed", died)
    tally("servers of theirs killed", sum(deaths))

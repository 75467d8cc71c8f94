"""Kills of the forwarder and of its broker, at random: every state is in the topic, each uid's in order, repeats only at the cut.

``--kills 100`` of pytest kills the forwarder a hundred times; the share in every run is small.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from etl.lake.folders import LocalFiles
from tests.conftest import Tally
from tests.lib import lakes
from tests.lib.kafka_kills import PARTITIONS, configuration, killed_until_done, restless
from tests.lib.kafka_process import BrokerProcess
from tests.lib.kafka_reader import records
from tests.lib.processes import shared_out


def test_killed_at_random(tmp_path: Path, request: pytest.FixtureRequest, tally: Tally) -> None:
    """Whatever dies when, nothing is missing, no state comes before an older one of its uid, and what comes again comes as a stretch that goes on where it was."""
    kills: int = request.config.getoption("--kills")
    lakes.empty(LocalFiles(tmp_path / "lake"))
    with BrokerProcess(tmp_path / "broker", topics={"events": PARTITIONS}) as broker:
        config = configuration(tmp_path, broker.address)
        with restless(broker, seed=kills) as deaths:
            ((died, counts, _),) = shared_out(
                killed_until_done, [(str(tmp_path / "lake"), str(config), kills, kills)]
            )
        found = records(broker.address, "events", PARTITIONS)
    cuts = 0
    first: dict[str, list[int]] = {}
    for partition in range(PARTITIONS):
        bodies = [str(json.loads(record.body)) for record in found if record.partition == partition]
        fresh = list(dict.fromkeys(bodies))
        cuts += _cuts(bodies, fresh)
        for uid, n in (body.split() for body in fresh):
            first.setdefault(uid, []).append(int(n))
    assert first == {uid: list(range(1, count + 1)) for uid, count in counts.items()}
    assert len({record.headers["eventlake-id"] for record in found}) == sum(counts.values())
    # A cut is what a death leaves, or a failure, which is what a broker's death leaves.
    assert died >= kills
    tally("forwarders to Kafka killed", died)
    tally("Kafka brokers killed", deaths[0])
    tally("Kafka brokers dead after an append", deaths[1])
    tally("cuts in topics after which something came again", cuts)
    tally("states that came again", len(found) - sum(counts.values()))
    tally("states in topics", sum(counts.values()))


def _cuts(bodies: Sequence[str], fresh: Sequence[str]) -> int:
    """Return how often a partition goes back; asserts that it goes on from there without leaving one out."""
    places = {body: place for place, body in enumerate(fresh)}
    furthest, before, cuts = -1, -1, 0
    for body in bodies:
        place = places[body]
        if place != before + 1:
            assert place <= before, f"{body} comes after place {before}, at {place}"
            cuts += 1
        before = place
        furthest = max(furthest, place)
    assert furthest == before == len(fresh) - 1
    return cuts

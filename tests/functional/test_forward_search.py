"""``eventlake forward`` to Elasticsearch and OpenSearch: from a lake to a monthly index, through all that goes wrong on the way."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from etl.lake.folders import LocalFiles
from tests.lib import elastic_targets, lakes
from tests.lib.commandline import eventlake
from tests.lib.elastic_indices import Indices
from tests.lib.elastic_server import USER, ElasticServer
from tests.lib.forwarding import arrive
from tests.lib.ports import free_port

FIRST, SECOND = "20261122T080000.000000Z-00000001", "20261122T090000.000000Z-00000002"
# The article's layout, as people have it with Kafka and Logstash between.
_CONFIGURATION = """
cluster: prod
forward:
  targets:
  - name: search
    {client}:
      hosts: ["http://127.0.0.1:{port}"]
      allow_http: true
      allow_private: true
      index: kubernetes-event-{{date:%Y.%m}}
      template: true
      username: forwarder
      password_file: {folder}/password
    layout:
      cluster: "{{{{ cluster }}}}"
      kind: "{{{{ event.involvedObject.kind }}}}"
      reason: "{{{{ event.reason }}}}"
      message: "{{{{ event.message }}}}"
      timestamp: "{{{{ event.lastTimestamp }}}}"
      count: {{"$json": observation.n}}
"""
_ROWS = """
uid | n | last_seen        | reason  | message       | object_kind | last_timestamp
a   | 1 | 2026-10-31 23:59 | BackOff | it            | Pod         | 2026-10-31 23:59
b   | 1 | 2026-11-22 08:20 | Pulled  | image "a{0}b" | Pod         | 2026-11-22 08:20
a   | 2 | 2026-11-22 08:30 | BackOff | again         | Pod         | 2026-11-22 08:30
"""


@pytest.fixture(params=elastic_targets.CLIENTS)
def client(request: pytest.FixtureRequest) -> str:
    """Each of the two clients."""
    name: str = request.param
    return name


def _documents(indices: Indices) -> list[tuple[str, dict[str, Any]]]:
    return sorted(
        ((index, stored.source) for index, _, stored in indices.documents()),
        key=lambda one: one[1]["timestamp"],
    )


def test_from_a_lake_to_a_monthly_index(client: str, tmp_path: Path) -> None:
    """A server that is down costs nothing; what it refuses for good is kept, and sent when the mapping was mended; all of it again changes nothing."""
    (tmp_path / "password").write_text("correct-horse\n")
    config, port = tmp_path / "eventlake.yaml", free_port()
    config.write_text(_CONFIGURATION.format(client=client, port=port, folder=tmp_path))
    lake = lakes.empty(LocalFiles(tmp_path / "lake"))
    ask = partial(eventlake, "--config", str(config), "--lake", lake.files.root)
    indices = Indices()

    assert ask("forward").code == 0
    arrive(lake, FIRST, _ROWS)
    down = ask("forward")
    assert down.code == 5
    assert "the target search did not get everything" in down.err

    with ElasticServer(indices=indices, port=port, login=USER) as server:
        sent = ask("forward")
        assert (sent.code, "search: 3 sent" in sent.err) == (0, True)
        assert _documents(indices) == [
            (
                f"kubernetes-event-2026.{month}",
                {
                    "cluster": "prod",
                    "kind": "Pod",
                    "reason": reason,
                    "message": message,
                    "timestamp": f"2026-{at}:00Z",
                    "count": n,
                },
            )
            for month, reason, message, at, n in (
                ("10", "BackOff", "it", "10-31T23:59", 1),
                ("11", "Pulled", 'image "a{0}b"', "11-22T08:20", 1),
                ("11", "BackOff", "again", "11-22T08:30", 2),
            )
        ]

        november = indices.indices["kubernetes-event-2026.11"]
        assert november.fields["timestamp"] == "date"
        november.fields["count"] = "object"
        arrive(lake, SECOND, _ROWS.replace("08:", "09:").replace("10-31", "10-30"))
        refused = ask("forward")
        assert (refused.code, "2 refused" in refused.err) == (0, True)
        letters = [json.loads(line) for line in ask("forward", "--dead-letters").out.splitlines()]
        assert len(letters) == 2
        assert all("document_parsing_exception" in each["reason"] for each in letters)

        november.fields["count"] = "long"
        assert ask("forward", "--retry-dead-letters").code == 0
        assert ask("forward", "--dead-letters").out == ""
        assert len(_documents(indices)) == 6
        assert ask("forward", "--from", "2026-10-01T00:00:00Z").code == 0
        assert len(_documents(indices)) == 6
        assert server.requests.count("PUT /_index_template/eventlake-kubernetes-event") == 1

        server.login = "Basic of somebody else"
        assert ask("forward", "--from", "2026-10-01T00:00:00Z").err.count("401: the login is") == 1
    for file in (tmp_path / "lake").rglob("*.json"):
        assert "correct-horse" not in file.read_text()

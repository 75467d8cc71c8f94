"""The route tree: who gets which events."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from etl.config.forwarding import Forward
from etl.config.read import read
from etl.forward.routes import Routes
from tests.lib.forwarded import NEW, OLD, table
from tests.lib.tables import drawn

# The tree of a typical configuration of kubernetes-event-exporter, without ``namespace: "*test*"``
# below ``drop``: it is no expression, so that it never matched there, and is refused here.
TYPICAL = """
owners: {enabled: true, labels: [version]}
forward:
  targets:
  - {name: kafka, stdout: {}}
  - {name: critical, stdout: {}}
  - {name: slack, stdout: {}}
  route:
    routes:
    - match:
      - receiver: "kafka"
      drop:
      - kind: "Service"
    - drop:
      - type: "Normal"
      match:
      - receiver: "critical"
        minCount: 5
    - match:
      - kind: "Pod|Deployment|ReplicaSet"
        labels: {version: "dev"}
        receiver: "slack"
"""


def forward(tmp_path: Path, text: str) -> Forward:
    """Read a configuration's section ``forward``."""
    (tmp_path / "eventlake.yaml").write_text(text, "utf-8")
    loaded = read(tmp_path / "eventlake.yaml", environ={})
    assert not loaded.mistakes
    return loaded.settings.forward


def reached(said: Forward, rows: pa.Table) -> list[list[str]]:
    """Return for each row the targets that get it."""
    got = {one.name: Routes(said).of(one.name, rows)["uid"].to_pylist() for one in said.targets}
    return [[name for name, uids in got.items() if uid in uids] for uid in rows["uid"].to_pylist()]


def test_a_typical_tree(tmp_path: Path) -> None:
    """Who gets what by the tree of kubernetes-event-exporter's users, row by row."""
    told = drawn("""
    kind        | type    | n | labels           | gets
    Pod         | Normal  | 1 | -                | kafka
    Pod         | Normal  | 1 | version=dev      | kafka,slack
    Pod         | Normal  | 1 | version=devel    | kafka,slack
    Pod         | Normal  | 1 | version=prod     | kafka
    Pod         | Normal  | 1 | app=dev          | kafka
    Pod         | Warning | 4 | version=dev      | kafka,slack
    Pod         | Warning | 5 | version=dev      | kafka,critical,slack
    Pod         | Warning | 9 | -                | kafka,critical
    Service     | Normal  | 9 | version=dev      | -
    Service     | Warning | 9 | version=dev      | critical
    ServiceX    | Warning | 1 | -                | -
    StatefulSet | Normal  | 1 | version=dev      | kafka
    PodGroup    | Normal  | 1 | version=dev      | kafka,slack
    Node        | Warning | 6 | -                | kafka,critical
    """)
    rows = table(
        *(
            OLD
            | {
                "uid": str(number),
                "object_kind": one["kind"],
                "type": one["type"],
                "n": int(one["n"] or 1),
                # What the writer says does not count: newer ones say nothing.
                "raw_count": None,
                "object_labels": dict([one["labels"].split("=")]) if one["labels"] else None,
            }
            for number, one in enumerate(told)
        )
    )
    expected = [one["gets"].split(",") if one["gets"] else [] for one in told]
    said = forward(tmp_path, TYPICAL)
    assert reached(said, rows) == expected
    # Rows of several files come in pieces.
    pieces = pa.concat_tables([rows.slice(0, 5), rows.slice(5, 0), rows.slice(5)])
    assert reached(said, pieces) == expected


@pytest.mark.parametrize(
    ("route", "kept"),
    [
        ("{}", ""),
        ("{match: [{receiver: a}]}", "old new"),
        ("{drop: [{}], match: [{receiver: a}]}", ""),
        ("{drop: [{receiver: a, reason: Back}], match: [{receiver: a}]}", "new"),
        # Each match sends by itself,
        ("{match: [{reason: Back, receiver: a}, {reason: Nothing}]}", "old"),
        # and what is below is asked about what all match.
        ("{match: [{reason: Back}, {reason: Nothing}], routes: [{match: [{receiver: a}]}]}", ""),
        ("{match: [{reason: Back}, {type: W}], routes: [{match: [{receiver: a}]}]}", "old"),
        # What is dropped below goes on beside it.
        ("{routes: [{drop: [{}], match: [{receiver: a}]}, {match: [{receiver: a}]}]}", "old new"),
        # Twice is once.
        ("{match: [{receiver: a}, {receiver: a}], routes: [{match: [{receiver: a}]}]}", "old new"),
        # Newer writers name themselves elsewhere, and give no count.
        ("{match: [{receiver: a, component: ^default-scheduler$}]}", "new"),
        ("{match: [{receiver: a, host: -cp-1$}]}", "new"),
        ("{match: [{receiver: a, minCount: 5}]}", "new"),
        # What is null is empty.
        ("{match: [{receiver: a, apiVersion: ^$}]}", "new"),
        # An unknown label is not an empty one, and known with any value asks for no more than that.
        ("{match: [{receiver: a, labels: {team: ^$}}]}", ""),
        ('{match: [{receiver: a, labels: {app: ""}}]}', "old"),
        ("{match: [{receiver: a, annotations: {a: .*}}]}", ""),
        # Go's regexp: no line end is matched by a dot, and a dollar is the end of the text.
        ("{match: [{receiver: a, message: one.two}]}", ""),
        ("{match: [{receiver: a, message: one$}]}", ""),
        ("{match: [{receiver: a, message: '(?s)one.two'}]}", "old"),
        ("{match: [{receiver: a, message: '(?m)^two$'}]}", "old"),
        (r"{match: [{receiver: a, message: '\p{Han}\z'}]}", "new"),
    ],
)
def test_what_a_tree_means(tmp_path: Path, route: str, kept: str) -> None:
    """Each rule of the tree by itself, on one event of the older writers and one of the newer."""
    said = forward(tmp_path, f"forward: {{targets: [{{name: a, stdout: {{}}}}], route: {route}}}")
    rows = table(
        OLD | {"uid": "old", "message": "one\ntwo", "object_labels": {"app": "web"}},
        NEW | {"uid": "new", "message": "节点不足"},
    )
    assert Routes(said).of("a", rows)["uid"].to_pylist() == kept.split()


def test_without_a_route_every_target_gets_everything(tmp_path: Path) -> None:
    """No tree means no filter; no rows stay no rows."""
    said = forward(tmp_path, "forward: {targets: [{name: a, stdout: {}}, {name: b, stdout: {}}]}")
    assert reached(said, table(OLD, NEW)) == [["a", "b"], ["a", "b"]]
    assert Routes(forward(tmp_path, TYPICAL)).of("kafka", table()).num_rows == 0

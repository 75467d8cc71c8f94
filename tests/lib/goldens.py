"""What Go itself made of templates and events (tests/data/peers/SOURCE.txt), and the same events as rows of a lake."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from tests.lib.commandline import eventlake, rows

PEERS = Path(__file__).parents[1] / "data" / "peers"
EVENTS: list[dict[str, Any]] = json.loads((PEERS / "events.json").read_text("utf-8"))["items"]


def golden(name: str) -> Any:
    """Return one of the files that Go wrote."""
    return json.loads(gzip.decompress((PEERS / name).read_bytes()))


def stored(folder: Path) -> list[dict[str, Any]]:
    """Import the events into a lake and return their rows, in the order of the file."""
    done = eventlake(
        "--lake", folder / "lake", "--cluster", "prod", "import", PEERS / "events.json"
    )
    assert done.code == 0, done.err
    found = {row["uid"]: row for row in rows(folder / "lake", "SELECT * FROM observations")}
    # An import knows no labels of objects; a snapshot with owners.enabled does.
    return [
        found[event["metadata"]["uid"]]
        | {"object_labels": list(event["involvedObject"].get("labels", {}).items())}
        for event in EVENTS
    ]

"""A digest that dies before any of its writes: the next run tells the same, once, and the state was written whole."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO

import pytest
import yaml

from etl.lake.folders import LocalFiles, LocalStaged
from tests.lib.api_answers import encoded
from tests.lib.commandline import NOW, Done, eventlake, rows
from tests.lib.events import event

FIRST, SECOND = NOW, NOW + timedelta(days=1)
_DECIDED = "select * exclude (evaluated_at) from alerts order by window_end, fingerprint"


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A lake of two days, whose first digest was sent: pod a on both days, b on the first, c on the second."""
    folder = tmp_path / "lake"
    for day, names in ((FIRST, "ab"), (SECOND, "ac")):
        at = day - timedelta(hours=1)
        items = [event(name, at=at, first=at, count=20) for name in names]
        document = encoded({"kind": "List", "apiVersion": "v1", "items": items})
        ask = (
            "--lake",
            folder,
            "--cluster",
            "prod",
            "import",
            "-",
            "--collected-at",
            day.isoformat(),
        )
        assert eventlake(*ask, stdin=document).code == 0
    assert digest(folder, FIRST).code == 0
    return folder


def digest(lake: Path, at: Any, *, later: timedelta = timedelta(0)) -> Done:
    """Send the digest of the day before ``at`` into a folder beside the lake."""
    target = {"folder": str(lake.parent / f"{lake.name}-out")}
    settings = {"receivers": [{"name": "out", "file_configs": [target]}]}
    config = lake.parent / f"{lake.name}.yaml"
    config.write_text(yaml.safe_dump(settings), "utf-8")
    return eventlake(
        "--config", config, "--lake", lake, "digest", "--at", at.isoformat(), now=SECOND + later
    )


def told(lake: Path) -> list[list[str]]:
    """Return the pods that each digest in the folder tells as new."""
    out = lake.parent / f"{lake.name}-out"
    digests = [json.loads(path.read_text("utf-8")) for path in sorted(out.iterdir())]
    return [[one["labels"]["name"] for one in made["findings"]] for made in digests]


def test_whatever_write_is_the_last_one(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before each write of the second digest the run dies; after the next run all is as if it had not."""
    staged = LocalFiles.stage
    count, last = 0, 0

    def stage(files: LocalFiles, path: str, fill: Callable[[BinaryIO], None]) -> LocalStaged:
        nonlocal count
        count += 1
        if count == last:
            raise KeyboardInterrupt
        return staged(files, path, fill)

    monkeypatch.setattr(LocalFiles, "stage", stage)

    def copied(name: str) -> Path:
        shutil.copytree(lake, lake.parent / name)
        shutil.copytree(lake.parent / "lake-out", lake.parent / f"{name}-out")
        return lake.parent / name

    calm = copied("calm")
    assert digest(calm, SECOND).code == 0
    writes, wanted = count, rows(calm, _DECIDED)
    assert writes >= 4
    assert told(calm)[-1] == ["c"]
    for last in range(1, writes + 1):
        count = 0
        torn = copied(f"torn-{last}")
        assert digest(torn, SECOND).code == 130
        count = -1000
        # What was being sent belongs to the run that died, for some minutes.
        assert digest(torn, SECOND, later=timedelta(hours=1)).code == 0
        assert rows(torn, _DECIDED) == wanted
        assert sorted(told(torn)) == sorted(told(calm))
        sent = rows(torn, "select delivery_id, message from deliveries order by all")
        assert {row["message"] for row in sent} == {"delivered"}
        assert len({row["delivery_id"] for row in sent}) == 2

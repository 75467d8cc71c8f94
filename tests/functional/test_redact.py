"""Secrets that are in a lake already: no byte of them is left, and nothing else is answered otherwise."""

from __future__ import annotations

import base64
import gzip
import io
import json
import re
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from etl.errors import LakeError
from etl.lake import generation, redact, seal
from etl.lake.files import Files
from etl.lake.layout import Lake
from etl.lake.masks import Mask, Masks
from etl.lake.query import session
from tests.lib import lakes, tables
from tests.lib.apiserver import ApiServer
from tests.lib.commandline import Done, eventlake
from tests.lib.events import event
from tests.lib.lakes import at
from tests.lib.storages import Storages

TOKEN = "hunter2-Zebra"  # noqa: S105 -- a secret of the test
MATCH = "hunter2-[A-Za-z]+"
NOW = at("2026-11-23 08:00")
EARLIER = """
uid | name  | n | resource_version | first_seen       | last_seen        | reason    | namespace | object_kind | object_name | type    | message
a   | web.1 | 2 | 1 | 2026-11-21 22:00 | 2026-11-21 23:00 | BackOff   | shop | Pod | web-1 | Warning | login with hunter2-Zebra failed
b   | web.2 | 5 | 2 | 2026-11-21 08:00 | 2026-11-21 09:00 | Unhealthy | shop | Pod | web-2 | Warning | Readiness probe failed: timeout
"""
LATER = """
uid | name  | n | resource_version | first_seen       | last_seen        | reason    | namespace | object_kind | object_name | type    | message
a   | web.1 | 6 | 5 | 2026-11-21 22:00 | 2026-11-22 10:00 | BackOff   | shop | Pod | web-1 | Warning | login with hunter2-Zebra failed
c   | web.3 | 1 | 6 | 2026-11-22 22:00 | 2026-11-22 23:00 | Pulled    | shop | Pod | web-3 | Normal  | Pulled
"""
OPEN = """
uid | name  | n | resource_version | first_seen       | last_seen        | reason    | namespace | object_kind | object_name | type    | message
a   | web.1 | 9 | 7 | 2026-11-21 22:00 | 2026-11-23 07:00 | BackOff   | shop | Pod | web-1 | Warning | hunter2-Zebra again
d   | web.4 | 1 | 8 | 2026-11-23 07:30 | 2026-11-23 07:30 | Failed    | shop | Pod | web-4 | Warning | Error: ErrImagePull
"""
# What quotes messages.
_QUOTING = {"message", "example", "message_pattern"}


@pytest.fixture
def lake(files: Files) -> Lake:
    """A lake with the token in a sealed day that was sealed twice, in one with late parts, and in an open one."""
    lake = lakes.empty(files)
    rows = tables.observations(EARLIER)
    lakes.add(lake, "s1", _annotated(rows))
    list(seal.seal(lake, clock=lambda: at("2026-11-22 02:30"), ttl=lakes.TTL))
    lakes.add(lake, "late", rows)
    list(seal.seal(lake, clock=lambda: at("2026-11-22 03:00"), ttl=lakes.TTL))
    lakes.add(lake, "s2", tables.observations(LATER))
    list(seal.seal(lake, clock=lambda: at("2026-11-23 02:30"), ttl=lakes.TTL))
    # The same states once more: copies, of which an open day has some, too.
    lakes.add(lake, "s3", tables.observations(LATER))
    list(seal.seal(lake, clock=lambda: at("2026-11-23 03:00"), ttl=lakes.TTL))
    lakes.add(lake, "s6", tables.observations(LATER))
    lakes.add(lake, "s4", tables.observations(OPEN))
    lakes.add(lake, "s5", tables.observations(OPEN))
    page = base64.b64encode(gzip.compress(f"<p>{TOKEN}</p>".encode(), mtime=0)).decode()
    waiting = {"id": "x", "payload": {"text": f"**{TOKEN}**", "page": page, "n": 1}}
    files.write("outbox/pending/x.json", json.dumps(waiting).encode())
    files.write("outbox/dead/y.json", json.dumps({"entry": waiting, "reason": "old"}).encode())
    files.write("outbox/dead/z.json", b'{"cut off": "' + TOKEN.encode())
    alert = {
        "alerts": [{"labels": {"pod": "web-1"}, "words": {"en": {"summary": f"said {TOKEN}"}}}]
    }
    files.write("alerts/digest/all/00000001.json", json.dumps(alert).encode())
    return lake


@pytest.fixture
def ask(storages: Storages, lake: Lake) -> Callable[..., Done]:
    """Run a command on the lake."""
    return partial(eventlake, "--lake", lake.files.root, environ=storages.environ, now=NOW)


def _annotated(rows: pa.Table) -> pa.Table:
    field = rows.schema.field("annotations")
    said = pa.array([[("env", f"PASSWORD={TOKEN}")], None], field.type)
    return rows.set_column(rows.schema.get_field_index("annotations"), field, said)


def _holding(files: Files) -> list[str]:
    """Return the files that hold the token: in their bytes, their footers, or any of their pages."""
    found = []
    for path in files.list(""):
        data = files.read(path)
        told = [data]
        if path.endswith(".parquet"):
            parquet = pq.ParquetFile(io.BytesIO(data))
            told += [
                str(parquet.metadata.metadata).encode(),
                str(parquet.read().to_pylist()).encode(),
            ]
            for group in range(parquet.num_row_groups):
                told.append(str(parquet.metadata.row_group(group).to_dict()).encode())
        packed = re.findall(rb'"(H4sI[^"]*)"', data)
        told += [gzip.decompress(base64.b64decode(one)) for one in packed]
        if any(TOKEN.encode() in one for one in told):
            found.append(path)
    return found


def _answers(ask: Callable[..., Done]) -> dict[str, Any]:
    """Return what every report and both views answer, but for what quotes messages."""
    found = {}
    for name in ("top_reasons", "crash_loops", "coverage"):
        said = ask(
            "report", name, "--start", "2026-11-21", "--end", "2026-11-24", "--format", "json"
        )
        assert said.code == 0, said.err
        assert "left out" not in said.err
        found[name] = said.json()
    for view in ("events", "observations"):
        said = ask(
            "sql", f"from {view} select * order by cluster, uid, n, last_seen", "--format", "json"
        )
        found[view] = said.json()
    return {
        name: [
            {k: v for k, v in row.items() if k not in _QUOTING | {"annotations"}} for row in rows
        ]
        for name, rows in found.items()
    }


def test_no_byte_of_a_secret_is_left_and_no_other_answer_changes(
    lake: Lake, ask: Callable[..., Done], tmp_path: Path
) -> None:
    """Parts, generations, waiting and given-up messages, alerts and the page are clean at once; the ledger says so; again is nothing."""
    page = tmp_path / "page" / "index.html"
    page.parent.mkdir()
    page.write_text(TOKEN, "utf-8")
    config = tmp_path / "eventlake.yaml"
    config.write_text(yaml.safe_dump({"report": {"output": str(page.parent)}}), "utf-8")
    before, held = _answers(ask), _holding(lake.files)
    trees = {path.partition("/")[0] for path in held}
    assert trees == {"parts", "days", "outbox", "alerts"}
    foretold = ask("redact", "--match", MATCH, "--dry-run")
    assert foretold.code == 0
    assert "prod: 2026-11-23 would be masked: 2 states, 2 files" in foretold.err
    assert "outbox/pending/x.json would be masked" in foretold.err
    assert _holding(lake.files) == held
    done = ask("--config", config, "redact", "--match", MATCH)
    assert done.code == 0, done.err
    assert _holding(lake.files) == []
    assert TOKEN not in page.read_text("utf-8")
    assert "BackOff" in page.read_text("utf-8")
    assert TOKEN not in done.err + foretold.err
    assert "ingest.redact does not have this expression" in done.err
    after = _answers(ask)
    assert after == before
    said = ask(
        "sql",
        "select distinct message, message_pattern from events where uid = 'a' order by all",
        "--format",
        "json",
    )
    assert said.json() == [
        {"message": "[redacted] again", "message_pattern": "[redacted] again"},
        {
            "message": "login with [redacted] failed",
            "message_pattern": "login with [redacted] failed",
        },
    ]
    row = ask(
        "sql",
        "select redacted, rewritten_files, finished_at from snapshots where kind = 'redact'",
        "--format",
        "json",
    ).json()[0]
    assert row["redacted"] == {"redact": 5}
    # Five of the days, three of the outbox, one of the memory of alerts.
    assert row["rewritten_files"] == 9
    assert row["finished_at"]
    waiting = json.loads(lake.files.read("outbox/pending/x.json"))
    assert waiting == {"id": "x", "payload": {"text": "**[redacted]**", "page": "", "n": 1}}
    there = lake.files.list("")
    again = ask("redact", "--match", MATCH)
    assert (again.code, "nothing matches" in again.err) == (0, True)
    assert lake.files.list("") == there
    lake.files.write("silences/x.json", json.dumps({"comment": TOKEN}).encode())
    assert "silences/x.json masked" in ask("redact", "--match", MATCH).err
    told = ask(
        "sql",
        "select sum(rewritten_files) as n from snapshots where redacted['redact'] = 0",
        "--format",
        "json",
    )
    assert told.json() == [{"n": 1}]
    assert ask("doctor").code == 0, ask("doctor").err


def test_whoever_listed_the_files_before_lists_them_again(lake: Lake) -> None:
    """A session that meets a deleted file answers from what replaced it, without a word of damage."""
    text = "select uid, n, occurrences, message from events order by all"
    with session(lake) as opened:
        opened.run("select count(*) as n from coverage", {})
        list(redact.redact(lake, Masks((Mask("m", MATCH, "*"),)), run_id="r", clock=lambda: NOW))
        found = opened.run(text, {}).to_pylist()
        assert opened.warnings == []
    with session(lake) as opened:
        assert found == opened.run(text, {}).to_pylist()
    assert len(found) == 6
    assert TOKEN not in str(found)


def test_what_a_snapshot_stores_meanwhile_is_masked_in_the_next_turn(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part that appears while days are masked is found; one that always comes back is an error that says what to do."""
    masks = Masks((Mask("m", MATCH, "*"),))
    anew = generation.sealed_anew
    written = iter(range(100))
    limit = 1

    def meanwhile(*given: Any, **named: Any) -> Any:
        found = anew(*given, **named)
        number = next(written)
        if number < limit:
            lakes.add(lake, f"m{number}", tables.observations(OPEN))
        return found

    monkeypatch.setattr(redact, "sealed_anew", meanwhile)
    done = list(redact.redact(lake, masks, run_id="r", clock=lambda: NOW))
    assert [one.date for one in done if not isinstance(one, str)][-1] == date(2026, 11, 23)
    assert [path for path in _holding(lake.files) if path.startswith(("parts", "days"))] == []
    limit = 1000
    lakes.add(lake, "again", tables.observations(OPEN))
    with pytest.raises(LakeError, match=r"put the expression into ingest\.redact"):
        list(redact.redact(lake, masks, run_id="s", clock=lambda: NOW))


def test_a_snapshot_with_the_rule_at_the_door_brings_nothing_back(
    apiserver: ApiServer, tmp_path: Path
) -> None:
    """What is still listed is not stored again: the door makes of it what is in the lake; without the door it would be."""
    lake = tmp_path / "lake"
    apiserver.add(event("web-0", at=apiserver.now, message=f"login with {TOKEN}"))
    source = {"kubeconfig": str(apiserver.kubeconfig(tmp_path / "kubeconfig"))}
    open_door, door = tmp_path / "open.yaml", tmp_path / "door.yaml"
    open_door.write_text(yaml.safe_dump({"source": source}), "utf-8")
    rule = {"name": "tokens", "match": MATCH}
    door.write_text(yaml.safe_dump({"source": source, "ingest": {"redact": [rule]}}), "utf-8")

    def run(config: Path, *command: str, minutes: int = 0) -> Done:
        now = apiserver.now + timedelta(minutes=minutes)
        done = eventlake("--config", config, "--lake", lake, "--cluster", "c", *command, now=now)
        assert done.code == 0, done.err
        return done

    run(open_door, "snapshot")
    assert "ingest.redact does not have" in run(open_door, "redact", "--match", MATCH).err
    assert "1 new states" in run(open_door, "snapshot", minutes=5).err
    assert "ingest.redact does not have" not in run(door, "redact", minutes=6).err
    assert "0 new states" in run(door, "snapshot", minutes=10).err
    files = {str(path): path.read_bytes() for path in lake.rglob("*") if path.is_file()}
    assert not [path for path, data in files.items() if TOKEN.encode() in data]
    assert eventlake("--config", door, "--lake", lake, "doctor").code == 0


def test_what_is_no_rule_is_refused_and_names_are_left(ask: Callable[..., Done]) -> None:
    """A wrong expression is a usage error that does not quote it; a name that matches is told and stays."""
    refused = ask("redact", "--match", "(hunter2")
    assert (refused.code, "hunter2" in refused.err) == (2, False)
    assert "--match is no expression of RE2" in refused.err
    assert ask("redact").code == 2
    assert "--replace takes no quotes" in ask("redact", "--match", "x", "--replace", '"').err
    told = ask("redact", "--match", "web-1$", "--dry-run")
    assert "object_name of prod on 2026-11-21 holds what matches and is left as it is" in told.err

"""What is masked or left out before anything is stored, and how every answer says so."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from etl.config import read
from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from etl.lake.masks import Mask, Masks
from tests.lib.api_answers import encoded
from tests.lib.apiserver import ApiServer
from tests.lib.commandline import NOW, Done, contents, eventlake, ledger, rows
from tests.lib.events import event

TOKEN = "hunter2hunter2"  # noqa: S105 -- a secret of the test
REDACT = [
    {"name": "passwords", "match": r"(?i)(password=)\S+", "replace": r"\1***"},
    {"name": "keys", "match": "AKIA[A-Z0-9]{8}"},
]
MESSAGES = "select object_name, reason, message from observations order by all"


def _settings(tmp_path: Path, server: ApiServer, **ingest: Any) -> Path:
    config = tmp_path / "eventlake.yaml"
    source = {"kubeconfig": str(server.kubeconfig(tmp_path / "kubeconfig"))}
    config.write_text(yaml.safe_dump({"source": source, "ingest": ingest}), "utf-8")
    return config


def _snapshot(config: Path, lake: Path, minutes: int = 0) -> dict[str, Any]:
    now = NOW + timedelta(minutes=minutes)
    done = eventlake("--config", config, "--lake", lake, "--cluster", "c", "snapshot", now=now)
    assert done.code == 0, done.err
    return ledger(lake)[-1]


def _asked(lake: Path, *arguments: object) -> Done:
    now = NOW + timedelta(minutes=30)
    return eventlake("--lake", lake, *arguments, now=now)


def test_secrets_are_masked_before_anything_is_written(
    apiserver: ApiServer, tmp_path: Path
) -> None:
    """Messages, and values of labels and annotations, reach no file unmasked; the ledger counts states by rule; imports do the same."""
    lake, imported = tmp_path / "lake", tmp_path / "imported"
    said = f"login failed: Password={TOKEN} of bob, AKIA12345678 tried"
    apiserver.add(event("web-0", at=NOW, message=said))
    apiserver.add(event("web-1", at=NOW, metadata={"annotations": {"env": f"password={TOKEN}"}}))
    apiserver.add(event("web-2", at=NOW))
    config = _settings(tmp_path, apiserver, redact=REDACT)
    row = _snapshot(config, lake)
    assert dict(row["redacted"]) == {"passwords": 2, "keys": 1}
    dump = tmp_path / "dump.json"
    items = apiserver.store.at().events
    dump.write_bytes(encoded({"kind": "List", "apiVersion": "v1", "items": items}))
    command = ("--config", config, "--lake", imported, "--cluster", "c", "import", dump)
    assert eventlake(*command).code == 0
    for one in (lake, imported):
        assert dict(ledger(one)[0]["redacted"]) == {"passwords": 2, "keys": 1}
        first, *_ = rows(one, MESSAGES)
        assert first["message"] == "login failed: Password=*** of bob, [redacted] tried"
        (odd,) = rows(one, "select annotations from observations where annotations is not null")
        assert dict(odd["annotations"]) == {"env": "password=***"}
        for data in contents(one).values():
            assert TOKEN.encode() not in data
            assert b"AKIA1234" not in data


def test_what_is_dropped_is_said_to_be_not_stored(apiserver: ApiServer, tmp_path: Path) -> None:
    """Namespaces and reasons of ``drop`` are stored nowhere; new ones are counted once, and coverage, reports and doctor know."""
    lake = tmp_path / "lake"
    for namespace in ("shop", "noise"):
        apiserver.add(event("web-0", at=NOW, namespace=namespace))
        apiserver.add(event("web-1", at=NOW, namespace=namespace, reason="Pulled"))
    config = _settings(tmp_path, apiserver, drop={"namespaces": ["noise"], "reasons": ["Pulled"]})
    counts = [
        tuple(dict(row[f"dropped_{what}"]) for what in ("namespaces", "reasons"))
        for row in [_snapshot(config, lake), _snapshot(config, lake, 10)]
    ]
    assert counts == [({"noise": 2}, {"Pulled": 1}), ({"noise": 0}, {"Pulled": 0})]
    assert [row["object_name"] for row in rows(lake, MESSAGES)] == ["web-0"]
    assert b"noise" not in b"".join(p.read_bytes() for p in lake.rglob("parts/**/*.parquet"))
    for command in (("coverage", "--since", "1h"), ("report", "top_reasons", "--since", "1h")):
        shown = " ".join(_asked(lake, *command).out.split())
        assert "not stored by configuration: noise, Pulled" in shown
    nothing = _asked(lake, "events", "-n", "noise", "--since", "1h")
    assert "not stored by configuration: noise, Pulled" in " ".join(nothing.err.split())
    assert eventlake("--config", config, "--lake", lake, "doctor").code == 0


def test_what_was_dropped_is_stored_as_soon_as_the_setting_goes(
    apiserver: ApiServer, tmp_path: Path
) -> None:
    """The cache of a run that left something out is no proof for one that does not: what is still listed is stored, without an alarm."""
    lake = tmp_path / "lake"
    apiserver.add(event("web-0", at=NOW, namespace="noise"))
    apiserver.add(event("web-1", at=NOW))
    _snapshot(_settings(tmp_path, apiserver, drop={"namespaces": ["noise"]}), lake)
    row = _snapshot(_settings(tmp_path, apiserver), lake, 10)
    assert (row["rows_added"], row["compared"], row["dropped_namespaces"]) == (1, "lake", None)
    assert "late_birth" not in (row["checks"] or [])
    row = _snapshot(_settings(tmp_path, apiserver, drop={"reasons": ["BackOff"]}), lake, 20)
    assert (row["rows_added"], row["vanished_early"]) == (0, None)
    assert len(rows(lake, MESSAGES)) == 2


def test_every_mistake_of_the_door_is_named_and_no_expression_is_quoted(tmp_path: Path) -> None:
    """A bad expression, one that matches nothing, an endless or unsafe replacement, and doubtful names are refused at once, by path."""
    config = tmp_path / "eventlake.yaml"
    rules = [
        {"name": "a b", "match": f"({TOKEN}"},
        {"name": "b", "match": "x*"},
        {"name": "c", "match": "(x)", "replace": r"\2"},
        {"name": "d", "match": "x", "replace": "xx"},
        {"name": "e", "match": "x", "replace": "<b>"},
        {"name": "e", "match": "y(?=z)"},
        {"name": "f", "match": ""},
    ]
    drop = {"namespaces": ["shop", "a", "a", ""]}
    source = {"namespaces": ["shop"]}
    config.write_text(
        json.dumps({"source": source, "ingest": {"redact": rules, "drop": drop}}), "utf-8"
    )
    found = [
        str(mistake).removeprefix(f"{config}: ")
        for mistake in read.read(config, environ={}).mistakes
    ]
    assert sorted(found) == sorted(
        [
            "ingest.redact[0].name: takes letters, digits, dots, underscores and hyphens, at most 60",
            "ingest.redact[0].match: is no expression of RE2: missing )",
            "ingest.redact[1].match: matches the empty text, so it would change every text; ask for at least one character",
            "ingest.redact[2].replace: names a group that the expression does not have",
            "ingest.redact[3].replace: is itself changed by the expression, so a text would never come to rest",
            r"ingest.redact[4].replace: takes no quotes, markup or control characters, and backslashes only as in \1",
            "ingest.redact[5].match: is no expression of RE2: invalid perl operator",
            "ingest.redact[5].name: 'e' is the name of another rule already (ingest.redact[4].name)",
            "ingest.redact[6].match: is empty",
            "ingest.drop.namespaces[0]: shop is listed by source.namespaces, and never stored",
            "ingest.drop.namespaces[2]: a is named already",
            "ingest.drop.namespaces[3]: is empty",
        ]
    )
    assert TOKEN not in "".join(found)


@given(st.lists(st.text(alphabet="ax =\n", max_size=8) | st.none(), min_size=1, max_size=6))
def test_masking_twice_changes_nothing(texts: list[str | None]) -> None:
    """What was masked is stable, so that copies of a state stay equal; counts are of rows that changed."""
    masks = Masks((Mask("a", "a=[^ ]+", "a=*"), Mask("x", "x+", "[redacted]")))
    table = pa.table({"message": pa.array(texts, pa.string())})
    counts: Counter[str] = Counter()
    once = masks.rows(table, counts)
    again = masks.rows(once, Counter())
    assert again["message"].to_pylist() == once["message"].to_pylist()
    assert counts["x"] <= len(texts)
    assert all("x" not in text for text in once["message"].to_pylist() if text)
    assert [text is None for text in texts] == once["message"].is_null().to_pylist()


def test_expressions_that_backtrack_elsewhere_take_no_time() -> None:
    """A megabyte of a stranger's text under nested repetition is masked at once, by RE2."""
    hostile = "a" * 1_000_000 + "!"
    masks = Masks((Mask("a", "(a+)+$|(a|aa)+b", "*"),))
    assert masks.text(hostile) == hostile


@pytest.mark.parametrize("damaged", ["", "{}"])
def test_a_cache_that_tells_nothing_is_one_of_a_run_that_stored_all(
    apiserver: ApiServer, tmp_path: Path, damaged: str
) -> None:
    """A cache of an older version is used as before; with a lost ``newest.json`` too."""
    lake = tmp_path / "lake"
    apiserver.add(event("web-1", at=NOW))
    config = _settings(tmp_path, apiserver)
    _snapshot(config, lake)
    if damaged:
        Lake(LocalFiles(lake)).files.write("live/cluster=c/newest.json", damaged.encode())
    assert _snapshot(config, lake, 10)["compared"] == "cache"

"""Sealing: whatever is sealed whenever, a lake answers as if nothing ever had been."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl import schema
from etl.lake import counting, gathering
from tests.lib import lakes
from tests.lib.storages import Storages

EPOCH = datetime(2026, 11, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)
# Few enough that lineages meet, copies come twice, and all that depends on a day does.
_moments = st.sampled_from([0, 1, 12, 23, 24, 25, 30, 47, 48, 49, 71, 72, 90]).map(
    lambda hours: EPOCH + hours * HOUR
)


@dataclass(frozen=True)
class Arrived:
    """A part that a run wrote, or null for a run of sealing, so many hours after the step before."""

    rows: list[dict[str, Any]] | None
    after: int


@st.composite
def states(draw: st.DrawFn) -> dict[str, Any]:
    """Any state of one of a few events, as a row of the view ``observations``."""
    last_seen = draw(_moments)
    return {
        "cluster": draw(st.sampled_from(["prod", "prod", "test"])),
        "date": last_seen.date(),
        "uid": draw(st.sampled_from(["a", "b", "c"])),
        "resource_version": draw(st.sampled_from([None, 1, 2, 3])),
        "name": "web.1",
        "namespace": draw(st.sampled_from(["shop", None])),
        "reason": draw(st.sampled_from(["BackOff", "SuccessfulCreate"])),
        "message": draw(st.sampled_from(["Created pod: web", "took 5s", ""])),
        "object_kind": draw(st.sampled_from(["Pod", "Job", None])),
        "object_name": draw(st.sampled_from(["web", "web-1"])),
        "n": draw(st.integers(1, 4)),
        "first_seen": draw(st.sampled_from([EPOCH, EPOCH, EPOCH + 20 * HOUR])),
        "last_seen": last_seen,
        "labels": [("app", draw(st.sampled_from(["x", "y"])))],
        "flags": [draw(st.sampled_from(["malformed", "implausible"]))],
        "observed_at": draw(_moments),
        "snapshot_id": draw(st.sampled_from(["s1", "s2"])),
    }


_arrivals = st.lists(
    st.builds(
        Arrived,
        rows=st.none() | st.lists(states(), min_size=1, max_size=4),
        after=st.sampled_from([0, 1, 7, 24]),
    ),
    min_size=2,
    max_size=10,
)


@pytest.fixture(scope="module", autouse=True)
def little_at_a_time() -> Iterator[None]:
    """Let a few rows be a slice, a row group and all that fits into memory."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "_SLICE", 2)
        patch.setattr(gathering, "ROWS_PER_GROUP", 2)
        patch.setattr(gathering, "_TURN_BYTES", 1500)
        yield


@settings(max_examples=4, deadline=None)
@given(_arrivals)
def test_sealing_changes_no_answer(storages: Storages, arrivals: list[Arrived]) -> None:
    """Parts in any order, late ones too, sealings in between, files deleted: the answers are those of the parts."""
    used, kept = lakes.empty(storages.make()), lakes.empty(storages.make())
    now = EPOCH + 40 * HOUR
    for number, one in enumerate([*arrivals, Arrived(None, 90), Arrived(None, 1)]):
        now += one.after * HOUR
        if one.rows is None:
            lakes.sealed(used, now)
            assert lakes.sealed(used, now) == []
            assert lakes.answers(used) == lakes.answers(kept)
            continue
        rows = pa.Table.from_pylist(one.rows, schema.FULL_SCHEMA)
        lakes.add(used, f"{number:02d}", rows)
        lakes.add(kept, f"{number:02d}", rows)
    assert lakes.answers(used) == lakes.answers(kept)
    assert lakes.files(used, "parts") == []

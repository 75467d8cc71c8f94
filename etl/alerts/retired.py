"""Clusters that somebody said are gone: nobody waits for them, and their alerts end unanswered.

    retired/<cluster>.json      what ``eventlake retire`` said about one cluster

A cluster that is listed again afterwards is back, whatever was said.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from etl.lake import records
from etl.lake.files import Files
from etl.lake.layout import encoded
from etl.lake.query import Session
from etl.statements import statement

ROOT = "retired"


class Retired(msgspec.Struct, frozen=True, kw_only=True):
    """What was said about one cluster, by whom and when."""

    cluster: str
    at: datetime
    comment: str = ""
    created_by: str = ""


def retire(files: Files, said: Retired) -> None:
    """Write what was said, in the place of what was said before; raises ``LakeError``."""
    files.write(f"{ROOT}/{encoded(said.cluster)}.json", msgspec.json.encode(said))


def gone(files: Files, session: Session, at: datetime, *, now: datetime) -> tuple[Retired, ...]:
    """Return the clusters that are gone for a window that ends at a moment: said to be, and not listed until ``now``."""
    said = [one for one in stored(files) if one.at <= at]
    if not said:
        return ()
    bounds = {"since": min(one.at for one in said), "until": now}
    rows = session.run(statement("rules/last_lists").text, bounds).to_pylist()
    listed = {row["cluster"]: row["listed_at"] for row in rows}
    return tuple(one for one in said if one.cluster not in listed or listed[one.cluster] <= one.at)


def stored(files: Files) -> list[Retired]:
    """Return all that the lake has, by cluster; a damaged file retires nothing."""
    # A cluster that nobody can prove to be gone is waited for.
    found = [records.read(files, path, Retired) for path in files.list(ROOT)]
    return sorted((one for one in found if one), key=lambda one: one.cluster)


def names(all_of: Iterable[Retired]) -> frozenset[str]:
    """Return the clusters."""
    return frozenset(one.cluster for one in all_of)

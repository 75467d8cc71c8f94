"""Drawn observations to what they are rolled up to, by the shipped statements alone."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from etl import schema
from etl.lake.query import Session
from etl.statements import statement
from tests.lib import tables


def rolled_up(observations: pa.Table, context: pa.Table | None = None) -> list[dict[str, Any]]:
    """Return the rows of ``observations``, as of open days, with their roll-ups; ``context`` are sealed days before."""
    given: dict[str, pa.Table] = {
        "merged": observations,
        "context": schema.FULL_DAY_SCHEMA.empty_table() if context is None else context,
        "outdated": schema.FULL_DAY_SCHEMA.empty_table(),
        "counted": observations,
    }
    for view in ("claims", "owners", "rolled_up"):
        with Session.over(given) as session:
            given[view] = session.run(statement(f"lake/{view}").text, {})
    rows: list[dict[str, Any]] = given["rolled_up"].to_pylist()
    return rows


def workloads(drawn: str) -> list[tuple[str | None, str | None, str | None]]:
    """Return (workload, kind, way) of each drawn observation, in their order."""
    observations = tables.observations(drawn)
    by_uid = {row["uid"]: row for row in rolled_up(observations)}
    rows = [by_uid[uid] for uid in observations["uid"].to_pylist()]
    return [(row["workload"], row["workload_kind"], row["workload_by"]) for row in rows]


def patterns(messages: list[str | None]) -> list[str | None]:
    """Return the pattern of each message."""
    given = {"given": pa.table({"message": pa.array(messages, pa.string())})}
    with Session.over(given) as session:
        found = session.run("select message_pattern(message) as pattern from given", {})
    result: list[str | None] = found["pattern"].to_pylist()
    return result

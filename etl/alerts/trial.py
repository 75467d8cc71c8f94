"""Tries a rule's regular expressions, SQL and templates before anything runs.

DuckDB is the judge of regular expressions and statements: the statement runs once over
views that have every column and no row, which finds unknown tables and columns and tells
the type of what comes out. Templates are rendered with sample values of those types.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa

from etl import manifest, schema
from etl.errors import QueryError
from etl.lake import told
from etl.lake.query import Session
from etl.statements import statement
from etl.wire import templates

# What a template may name, and what a rule's own statement may bind.
TEMPLATE_NAMES = ("value", "baseline", "labels", "columns")
PARAMETERS = ("base", "start", "end")
# Columns of a rule's rows that are no labels.
NUMBERS = ("value", "baseline")

_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
_COVERAGE = pa.schema(
    [
        ("cluster", pa.string()),
        ("started_at", schema.TIME),
        ("ended_at", schema.TIME),
        ("covered", pa.bool_()),
        ("cause", pa.string()),
        ("namespaces", pa.list_(pa.string())),
    ]
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the texts of a rule may name: its rows' ``columns``, and the baselines that occur."""

    columns: pa.Schema
    baselines: tuple[float | None, ...]


# A declarative rule has a baseline once there is enough history.
MATCHED = Asked(pa.schema([("last_seen", schema.TIME), ("message", pa.string())]), (1.5, None))


def blank_session() -> Session:
    """Return a session whose views have the lake's columns and no row."""
    return Session.over(blank_tables())


def blank_tables() -> dict[str, pa.Table]:
    """Return all views by name, without a row."""
    return {
        "observations": schema.FULL_SCHEMA.empty_table(),
        "latest": schema.FULL_SCHEMA.empty_table(),
        "events": schema.FULL_DAY_SCHEMA.empty_table(),
        "snapshots": manifest.FULL_SNAPSHOT_SCHEMA.empty_table(),
        "coverage": _COVERAGE.empty_table(),
        "coverage_by_namespace": _COVERAGE.empty_table(),
        **told.empty(),
    }


def regex_mistake(session: Session, pattern: str) -> str:
    """Say why RE2 refuses ``pattern``; empty if it does not."""
    try:
        session.run(statement("rules/regex").text, {"pattern": pattern})
    except QueryError as error:
        return str(error).removeprefix("Invalid Input Error: ")
    return ""


def columns(session: Session, text: str) -> tuple[pa.Schema, str]:
    """Return the columns that a rule's SELECT yields, or why it cannot run.

    It may ask the public views and nothing else of the machine, as a stranger's statement may:
    rules come from files that others may write than those who run them.
    """
    nothing = pa.schema([])
    try:
        session.look_through(text)
        unknown = sorted(session.parameters(text) - set(PARAMETERS))
        if unknown:
            known = ", ".join(f"${name}" for name in PARAMETERS)
            return nothing, f"${unknown[0]} is not a parameter; there are {known}"
        rows = session.run(text, dict.fromkeys(PARAMETERS, _MOMENT))
    except QueryError as error:
        return nothing, str(error)
    return rows.schema, ""


def result_mistakes(found: pa.Schema, by: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield (key of the rule, what is wrong) where the columns of a SELECT cannot be findings."""
    names = ", ".join(found.names)
    if "value" not in found.names:
        yield (
            "expr",
            f"the SELECT has no column value, which the threshold is compared with; it has {names}",
        )
    for name in NUMBERS:
        if name in found.names and not _is_number(found.field(name).type):
            yield "expr", f"the column {name} is no number but {found.field(name).type}; cast it"
    for label in by:
        if label not in found.names:
            yield "by", f"the SELECT has no column {label}; it has {names}"


def template_mistakes(text: str, labels: Iterable[str], asked: Asked) -> Iterator[str]:
    """Yield what is wrong with an annotation of a rule with these labels."""
    if wrong := templates.check_leaf(text, "", names=TEMPLATE_NAMES):
        yield from (line.removeprefix(": ") for line in wrong)
        return
    context: dict[str, object] = {
        "value": 1,
        "labels": dict.fromkeys(labels, "x"),
        "columns": {field.name: _sample(field.type) for field in asked.columns},
    }
    for baseline in asked.baselines:
        try:
            templates.render_leaf(text, {**context, "baseline": baseline})
        except templates.LeafError as error:
            when = ", where there is no baseline" if baseline is None else ""
            yield f"{error}{when}"
            return


def asked(found: pa.Schema, by: Iterable[str]) -> Asked:
    """Return what the texts of a SELECT with these columns may name: all but numbers and labels."""
    taken = {*NUMBERS, *by}
    columns = pa.schema([field for field in found if field.name not in taken])
    return Asked(columns, (1.5,) if "baseline" in found.names else (None,))


def _is_number(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )


def _sample(kind: pa.DataType) -> object:
    if _is_number(kind):
        return 1
    if pa.types.is_timestamp(kind):
        return _MOMENT
    if pa.types.is_boolean(kind):
        return True
    return "x"

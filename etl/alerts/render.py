"""A digest to the text of one dialect within a budget, or to plain data for machines.

One ladder serves every target: all rows, then fewer rows and a count of the rest, then
without the less important sections, at last the counts and a link. Each rung is made
whole and measured as it will be sent; text is never cut, so no table and no tag is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from etl.alerts.compose import Composer, Plan
from etl.alerts.dialects import Dialect, Markdown, Plain
from etl.alerts.model import SEVERITIES, Digest, Finding
from etl.alerts.status import Status, clusters
from etl.alerts.words import WORDS
from etl.timespan import rfc3339

_ALL = 1_000_000
FULL = Plan(_ALL, _ALL, _ALL)
# What a person reads in a terminal or a pod's log; `eventlake check` has all findings.
READABLE = Plan(50, 12, 8)
# Rows of critical findings, of warnings, of everything else, and how many of _DROPPED go. What is
# critical keeps its rows until the very end; ten lines of background give way to one of alarm.
_RUNGS = (
    (_ALL, 500, 100, 0),
    (500, 200, 50, 0),
    (200, 50, 20, 0),
    (100, 30, 10, 0),
    (50, 20, 10, 0),
    (50, 15, 5, 0),
    (40, 10, 3, 0),
    (30, 10, 3, 1),
    (30, 7, 3, 2),
    (25, 5, 3, 3),
    (20, 5, 3, 4),
    (20, 5, 3, 5),
    (15, 5, 3, 7),
    (10, 3, 3, 7),
    (7, 3, 2, 7),
    (5, 2, 2, 8),
    (5, 1, 0, 9),
    (3, 0, 0, 9),
    (0, 0, 0, 10),
)
# What a reader misses least goes first.
_DROPPED = (
    "noisiest",
    "info",
    "movers",
    "held",
    "resolved",
    "still",
    "first_seen",
    "health",
    "warning",
    "critical",
)

Made = TypeVar("Made")


def plans() -> Iterator[Plan]:
    """Return the ladder, from everything down to the status alone."""
    yield FULL
    for critical, warning, others, dropped in _RUNGS:
        yield Plan(critical, warning, others, frozenset(_DROPPED[:dropped]))


def first_fitting(make: Callable[[Plan], Made], fits: Callable[[Made], bool]) -> Made | None:
    """Return what ``make`` makes under the first plan whose result fits; None if none does."""
    for plan in plans():
        made = make(plan)
        if fits(made):
            return made
    return None


def text(digest: Digest, dialect: Dialect, *, plan: Plan = FULL) -> str:
    """Return the digest in ``dialect`` under ``plan``."""
    return Composer(digest, dialect).message(plan)


def parts(
    digest: Digest, dialect: Dialect, *, fits: Callable[[list[str]], bool], at_most: int = 1
) -> list[list[str]]:
    """Return the blocks of one to ``at_most`` messages, of which each ``fits``: the longest such digest.

    Parts of several are numbered, and a section is never torn apart.
    """
    composer = Composer(digest, dialect)
    for plan in plans():
        if packed := _packed(composer.blocks(plan), dialect, fits=fits, at_most=at_most):
            return packed
    least = composer.least()
    # A link of two kilobytes could still be too much; a short line never is.
    return [least if fits(least) else [dialect.text(title(digest))]]


def _packed(
    blocks: Sequence[str],
    dialect: Dialect,
    *,
    fits: Callable[[list[str]], bool],
    at_most: int,
) -> list[list[str]]:
    """Distribute ``blocks`` in their order; nothing where they need more messages than that."""
    if fits(list(blocks)):
        return [list(blocks)]
    mark = dialect.line(f"({at_most}/{at_most})")
    messages = [[mark]]
    for block in blocks:
        if not fits([*messages[-1], block]):
            messages.append([mark])
        messages[-1].append(block)
        if len(messages) > at_most or not fits(messages[-1]):
            return []
    return [
        [dialect.line(f"({number}/{len(messages)})"), *message[1:]]
        for number, message in enumerate(messages, start=1)
    ]


def title(digest: Digest, dialect: Dialect | None = None) -> str:
    """Return the one line that says the most, for previews, subjects and mentions."""
    return Status(digest, dialect or Plain()).title()


def mention(digest: Digest, dialect: Dialect) -> str:
    """Return one line with what is critical, for the message that calls people."""
    words = WORDS[digest.language]
    critical = [f for f in digest.findings if f.severity == "critical"]
    names = dict.fromkeys(f.summary or f.alert for f in critical)
    return words.mention.format(
        count=len(critical),
        clusters=clusters(digest, dialect),
        names=words.semicolon.join(dialect.text(name) for name in names),
    )


def status(digest: Digest) -> str:
    """Return the state of the window in one word: findings, quiet, gap or no_data."""
    if digest.coverage.share is None:
        return "no_data"
    if digest.findings or digest.still:
        return "findings"
    return "quiet" if digest.coverage.complete else "gap"


def to_json(digest: Digest, plan: Plan = FULL) -> dict[str, object]:
    """Return the digest as plain data: the body of a webhook and the context of its templates.

    Keys: ``version`` (1), ``status`` (findings, quiet, gap, no_data), ``title``, ``text`` and
    ``markdown`` (the rendered digest), ``possible_repeat``, ``clusters``, ``window`` (start, end),
    ``timezone``, ``language``, ``counts`` (by severity), ``coverage``, ``totals``, ``findings``,
    ``first_seen``, ``movers``, ``still``, ``resolved``, ``expired``, ``noisiest``, ``held``, ``silences``, ``inhibited``, ``paused``, ``cut``, ``left_out`` (rows that did not
    fit, by section), ``health``, ``link``. Times are RFC 3339 in UTC, missing values null. Texts
    are as ``tidy`` left them: without control and direction characters, capped, but not escaped
    for any markup.
    """
    shown, left_out = _rows(digest, plan)
    return {
        "version": 1,
        "status": status(digest),
        "title": title(digest),
        "text": Composer(digest, Plain()).message(plan),
        "markdown": Composer(digest, Markdown()).message(plan),
        "possible_repeat": False,
        "clusters": [_record(name) for name in digest.clusters],
        "window": {"start": rfc3339(digest.window.start), "end": rfc3339(digest.window.end)},
        "timezone": digest.timezone,
        "language": digest.language,
        "counts": {severity: digest.counted(severity) for severity in SEVERITIES},
        "coverage": _coverage(digest, plan),
        "totals": _record(digest.totals),
        **shown,
        "inhibited": digest.inhibited,
        "paused": digest.paused,
        "cut": _record(digest.cut),
        "left_out": left_out,
        "link": digest.link,
    }


def repeat_mark(digest: Digest) -> str:
    """Return the line that calls a message a possible repeat."""
    return WORDS[digest.language].possible_repeat


def marked(text: str, digest: Digest) -> str:
    """Return ``text`` below the line that calls it a possible repeat."""
    return f"{repeat_mark(digest)}\n\n{text}"


def repeated(data: Mapping[str, object], digest: Digest) -> dict[str, object]:
    """Return the data of ``to_json`` for a message that may have arrived before."""
    texts = {name: marked(str(data[name]), digest) for name in ("text", "markdown")}
    return {**data, **texts, "possible_repeat": True}


def _rows(digest: Digest, plan: Plan) -> tuple[dict[str, object], dict[str, int]]:
    """Return the lists under ``plan`` and how many rows of each are missing."""
    findings: list[Finding] = []
    for severity in SEVERITIES:
        found = [f for f in digest.findings if f.severity == severity]
        findings += found[: plan.shown(severity)]
    lists: dict[str, tuple[object, ...]] = {
        name: getattr(digest, name)
        for name in (
            "first_seen",
            "movers",
            "still",
            "resolved",
            "expired",
            "noisiest",
            "held",
            "silences",
            "health",
        )
    }
    shown: dict[str, object] = {"findings": [_record(f) for f in findings]}
    left_out = {"findings": len(digest.findings) - len(findings)}
    for name, rows in lists.items():
        kept = rows[: plan.shown(name)]
        shown[name] = [_record(row) for row in kept]
        left_out[name] = len(rows) - len(kept)
    return shown, {name: count for name, count in left_out.items() if count}


def _coverage(digest: Digest, plan: Plan) -> dict[str, object]:
    coverage = digest.coverage
    return {
        "share": coverage.share,
        "complete": coverage.complete,
        "covered_seconds": coverage.covered.total_seconds(),
        "snapshots": coverage.snapshots,
        "failed": coverage.failed,
        "last_snapshot_at": _record(coverage.last_snapshot_at),
        "only": {name: list(listed[: max(plan.others, 1)]) for name, listed in coverage.only},
        "not_stored": {n: list(out[: max(plan.others, 1)]) for n, out in coverage.not_stored},
        "gaps": [_record(gap) for gap in coverage.gaps[: max(plan.others, 1)]],
    }


def _record(value: object) -> object:
    """Return one value of the model as JSON data."""
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, float):
        # A rule's SQL may divide by zero; JSON has no word for the result.
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {_record(name): _record(item) for name, item in value.items()}
    if hasattr(value, "__dataclass_fields__"):
        return {name: _record(getattr(value, name)) for name in value.__dataclass_fields__}
    return value

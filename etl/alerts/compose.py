"""A digest and a plan to text in one dialect: the sections in their order, as many rows as planned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from etl.alerts import figures
from etl.alerts.dialects import Dialect
from etl.alerts.entries import LABEL_CHARACTERS, Entries
from etl.alerts.model import SEVERITIES, Digest, Finding, Severity
from etl.alerts.status import Status
from etl.alerts.words import WORDS, counted

SECTIONS = (
    *SEVERITIES,
    "first_seen",
    "movers",
    "still",
    "resolved",
    "expired",
    "noisiest",
    "held",
    "health",
)
# Names in a line that says what is missing; more would be the list again.
_NAMES = 6


@dataclass(frozen=True, slots=True)
class Plan:
    """How many rows of each kind of section a message shows, and which sections it drops."""

    critical: int
    warning: int
    others: int
    dropped: frozenset[str] = frozenset()

    def shown(self, section: str) -> int:
        """Return the rows that ``section`` may have."""
        if section in self.dropped:
            return 0
        return {"critical": self.critical, "warning": self.warning}.get(section, self.others)


class Composer:
    """One digest in one dialect."""

    def __init__(self, digest: Digest, dialect: Dialect) -> None:
        """Take the words from the digest's language."""
        self._digest = digest
        self._dialect = dialect
        self._words = WORDS[digest.language]
        self._entries = Entries(digest, dialect)
        self._status = Status(digest, dialect)

    def message(self, plan: Plan) -> str:
        """Return the whole message under ``plan``."""
        return self._dialect.paragraph.join(self.blocks(plan))

    def blocks(self, plan: Plan) -> list[str]:
        """Return the message as its status, one block per section, and the link."""
        if self._digest.quiet and self._digest.coverage.complete:
            # Not even wrapped: a good day is one line, wherever it is read.
            return [self._entries.joined([*self._status.lines(), *self._entries.link()])]
        blocks = [self._dialect.line(line) for line in self._status.lines()]
        if not self._digest.quiet:
            blocks += self._sections(plan)
        return [*blocks, *map(self._dialect.line, self._entries.link())]

    def least(self) -> list[str]:
        """Return the least that is worth sending: the status and where the rest can be read."""
        blocks = [self._dialect.line(line) for line in self._status.lines()]
        if not self._digest.quiet:
            blocks.append(self._dialect.line(self._words.too_long))
        return [*blocks, *map(self._dialect.line, self._entries.link())]

    def _sections(self, plan: Plan) -> list[str]:
        blocks: list[str] = []
        for severity in SEVERITIES:
            blocks += self._findings(severity, plan.shown(severity))
        blocks += self._beyond_limits()
        makers: dict[str, Callable[[int], list[str]]] = {
            "first_seen": self._first_seen,
            "movers": self._movers,
            "still": self._still,
            "resolved": self._resolved,
            "expired": self._expired,
            "noisiest": self._noisiest,
            "held": self._held,
            "health": self._health,
        }
        for section, make in makers.items():
            if plan.shown(section):
                blocks += make(plan.shown(section))
        return blocks + self._left_out(plan)

    def _findings(self, severity: Severity, rows: int) -> list[str]:
        """Return the section of one severity: a part of its findings, grouped by alert."""
        found = [f for f in self._digest.findings if f.severity == severity]
        if not found or not rows:
            return []
        first = {f.alert: place for place, f in reversed(list(enumerate(found)))}
        found.sort(key=lambda finding: first[finding.alert])
        shown, left = _fair_share(found, rows)
        entries = [
            self._entries.group(alert, list(group))
            for alert, group in groupby(shown, key=lambda finding: finding.alert)
        ]
        title = self._dialect.heading(self._words.severities[severity].capitalize(), severity)
        return self._section(title, entries, [f.alert for f in left])

    def _beyond_limits(self) -> list[str]:
        named = [
            f"{self._dialect.text(alert)} {figures.number(count)}"
            for alert, count in self._digest.cut.items()
            if count
        ]
        if not named:
            return []
        names = self._words.listing.join(named[:_NAMES]) + ("…" if len(named) > _NAMES else "")
        return [self._dialect.line(self._words.beyond_limits.format(names=names))]

    def _first_seen(self, rows: int) -> list[str]:
        entries = self._digest.first_seen
        items = [self._dialect.item(self._entries.reason(entry)) for entry in entries[:rows]]
        return self._list(self._words.first_seen, items, [e.reason for e in entries[rows:]])

    def _movers(self, rows: int) -> list[str]:
        words, text, entries = self._words, self._dialect.text, self._digest.movers
        many = len(self._digest.clusters) > 1
        header = [words.reason, words.namespace, words.now, words.usual, words.change]
        cells = [
            [
                text(entry.reason, LABEL_CHARACTERS),
                text(entry.namespace or "-", LABEL_CHARACTERS),
                figures.number(entry.value),
                figures.number(entry.baseline),
                figures.short_change(entry.value, entry.baseline, words),
                *([text(entry.cluster, 60)] if many else []),
            ]
            for entry in entries[:rows]
        ]
        table = self._dialect.table([*header, *([words.cluster] if many else [])], cells, {2, 3, 4})
        return self._list(
            words.movers, [table] if cells else [], [e.reason for e in entries[rows:]]
        )

    def _noisiest(self, rows: int) -> list[str]:
        words, text, entries = self._words, self._dialect.text, self._digest.noisiest
        many = len(self._digest.clusters) > 1
        cells = [
            [
                figures.number(entry.occurrences),
                text(
                    f"{entry.object_kind} {entry.namespace}/{entry.object_name}"
                    if entry.namespace
                    else f"{entry.object_kind} {entry.object_name}"
                ),
                text(entry.top_reason, LABEL_CHARACTERS),
                *([text(entry.cluster, 60)] if many else []),
            ]
            for entry in entries[:rows]
        ]
        header = [words.now, words.object, words.reason, *([words.cluster] if many else [])]
        table = self._dialect.table(header, cells, {0})
        return self._list(
            words.noisiest, [table] if cells else [], [e.object_name for e in entries[rows:]]
        )

    def _still(self, rows: int) -> list[str]:
        """Return what was told before and goes on: one line each, with its age."""
        entries = self._digest.still
        items = [self._dialect.item(self._entries.ongoing(entry)) for entry in entries[:rows]]
        return self._list(self._words.still, items, [e.alert for e in entries[rows:]])

    def _resolved(self, rows: int) -> list[str]:
        """Return what is over, once; of a count that only says that it was low in this window."""
        entries = self._digest.resolved
        text = self._dialect.text
        items = [
            self._dialect.item(
                self._entries.joined(
                    [
                        self._dialect.strong(text(entry.alert)),
                        self._entries.labels(replace(entry, summary="")),
                        self._words.resolved_note,
                    ]
                )
            )
            for entry in entries[:rows]
        ]
        return self._list(self._words.resolved, items, [e.alert for e in entries[rows:]])

    def _expired(self, rows: int) -> list[str]:
        """Return what is closed without an answer, once."""
        entries = self._digest.expired
        items = [self._dialect.item(self._entries.expired(entry)) for entry in entries[:rows]]
        return self._list(self._words.expired, items, [e.alert for e in entries[rows:]])

    def _held(self, rows: int) -> list[str]:
        """Return what was not told and why: rules that are off, silences, alerts with a source."""
        digest, words = self._digest, self._words
        lines = [self._entries.switched_off(entry) for entry in digest.held]
        lines += [self._entries.silence(entry) for entry in digest.silences]
        if digest.inhibited:
            lines.append(counted(words.inhibited, digest.inhibited))
        if digest.paused:
            lines.append(counted(words.paused, digest.paused))
        names = [entry.alert for entry in digest.held]
        names += [entry.matchers for entry in digest.silences]
        items = [self._dialect.item(line) for line in lines[:rows]]
        return self._list(words.held, items, names[rows:])

    def _health(self, rows: int) -> list[str]:
        lines = [self._dialect.text(line, 300) for line in self._digest.health]
        if len(self._digest.coverage.gaps) > 1:
            lines += [self._status.gap(gap) for gap in self._digest.coverage.gaps]
        items = [self._dialect.item(line) for line in lines[:rows]]
        if len(lines) > rows:
            items.append(self._dialect.item(f"… {len(lines) - rows}"))
        return self._list(self._words.health, items, [])

    def _list(self, title: str, items: Sequence[str], rest: Sequence[str]) -> list[str]:
        """Return a section of one list or table; nothing without entries."""
        return (
            self._section(self._dialect.heading(title), ["\n".join(items)], rest) if items else []
        )

    def _section(self, title: str, entries: Sequence[str], rest: Sequence[str]) -> list[str]:
        """Return one block: heading, entries, and what did not find room."""
        more = [self._dialect.line(self._more(rest))] if rest else []
        return [self._dialect.near.join([title, *entries, *more])]

    def _more(self, names: Iterable[str]) -> str:
        """Say how many entries are missing and of which kinds, the most frequent first."""
        kinds = Counter(names)
        listed = [
            f"{self._dialect.text(name, 60)} {count}" if count > 1 else self._dialect.text(name, 60)
            for name, count in kinds.most_common(_NAMES)
        ]
        text = self._words.listing.join(listed) + ("…" if len(kinds) > _NAMES else "")
        return self._words.more.format(count=figures.number(kinds.total()), names=text)

    def _left_out(self, plan: Plan) -> list[str]:
        """Name the sections that the plan drops and that would have had something to say."""
        counted = {
            **{str(severity): self._digest.counted(severity) for severity in SEVERITIES},
            "first_seen": len(self._digest.first_seen),
            "movers": len(self._digest.movers),
            "still": len(self._digest.still),
            "resolved": len(self._digest.resolved),
            "expired": len(self._digest.expired),
            "noisiest": len(self._digest.noisiest),
            "held": len(self._digest.held) + len(self._digest.silences),
            "health": len(self._digest.health),
        }
        names = {
            **{str(severity): word for severity, word in self._words.severities.items()},
            "first_seen": self._words.first_seen,
            "movers": self._words.movers,
            "still": self._words.still,
            "resolved": self._words.resolved,
            "expired": self._words.expired,
            "noisiest": self._words.noisiest,
            "held": self._words.held,
            "health": self._words.health,
        }
        dropped = [f"{names[s]} {counted[s]}" for s in SECTIONS if s in plan.dropped and counted[s]]
        if not dropped:
            return []
        return [
            self._dialect.line(self._words.left_out.format(names=self._words.listing.join(dropped)))
        ]


def _fair_share(found: Sequence[Finding], rows: int) -> tuple[list[Finding], list[Finding]]:
    """Split findings into ``rows`` that are shown and the rest, both in order.

    Every alert has a row before any has two, so that a noisy one hides no other.
    """
    turns: dict[str, int] = {}
    ranked = []
    for position, finding in enumerate(found):
        turns[finding.alert] = turns.get(finding.alert, 0) + 1
        ranked.append((turns[finding.alert], position))
    kept = {position for _turn, position in sorted(ranked)[:rows]}
    return (
        [f for position, f in enumerate(found) if position in kept],
        [f for position, f in enumerate(found) if position not in kept],
    )

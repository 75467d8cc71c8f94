"""One row of a digest to one line of its dialect: a finding, a reason, a silence, a switched-off rule.

Which rows are shown, and under which heading, is decided in ``compose``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from etl.alerts import figures
from etl.alerts.dialects import Dialect
from etl.alerts.figures import Clock
from etl.alerts.model import Digest, Finding, FirstSeen, Held, Silenced
from etl.alerts.words import WORDS, counted

LABEL_CHARACTERS = 80
_DESCRIPTION_CHARACTERS = 200
_SENTENCE_END = re.compile(r"[.!?](?=\s)|[。！？]")
# Labels that say nothing about the object: the heading has the severity.
_SILENT_LABELS = {"severity", "alertname", "digest_section"}


class Entries:
    """The rows of one digest in one dialect."""

    def __init__(self, digest: Digest, dialect: Dialect) -> None:
        """Take the words from the digest's language."""
        self._digest = digest
        self._dialect = dialect
        self._words = WORDS[digest.language]
        self._clock = Clock(digest, self._words)

    def group(self, alert: str, group: Sequence[Finding]) -> str:
        """Return one alert's findings; what they all share stands once, beside the name."""
        head = self._dialect.strong(self._dialect.text(alert))
        description = _shared(finding.description for finding in group)
        runbook = _shared(finding.runbook_url for finding in group)
        if description:
            head += self._words.colon + self._dialect.text(_first_sentences(description))
        head = self.joined([head, self._dialect.link(self._words.runbook, runbook)])
        items = [self.finding(f, alone=not (description or runbook)) for f in group]
        return "\n".join([self._dialect.line(head), *map(self._dialect.item, items)])

    def finding(self, finding: Finding, *, alone: bool) -> str:
        """Return one finding: summary, value beside its baseline, labels, when, and what is its own."""
        parts = [self._dialect.text(finding.summary)]
        value = figures.number(finding.value)
        beside = figures.change(finding.value, finding.baseline, self._words)
        if value not in finding.summary.split():
            parts.append(self._words.value.format(value=value))
        parts += [beside, self.labels(finding)]
        if finding.last_seen:
            parts.append(self._words.last_seen.format(moment=self._clock.within(finding.last_seen)))
        if alone:
            parts.append(self._dialect.text(finding.description))
            parts.append(self._dialect.link(self._words.runbook, finding.runbook_url))
        return self.joined(parts)

    def reason(self, entry: FirstSeen) -> str:
        """Return a reason that was never seen before: on what, since when, what it means."""
        text = self._dialect.text
        name = self._dialect.strong(text(entry.reason))
        parts = [
            self._words.on_kind.format(reason=name, kind=text(entry.object_kind)),
            text(entry.cluster, 60) if len(self._digest.clusters) > 1 else "",
            self._words.since.format(
                count=figures.number(entry.occurrences),
                moment=self._clock.within(entry.first_seen),
            ),
            text(entry.meaning),
        ]
        if entry.example:
            parts.append(self._words.example.format(message=self._dialect.code(entry.example)))
        return self.joined(parts)

    def ongoing(self, finding: Finding) -> str:
        """Return what was told before and goes on, with its age."""
        parts = [
            self._dialect.strong(self._dialect.text(finding.alert)),
            self._dialect.text(finding.summary) or self.labels(finding),
            self._words.severities[finding.severity],
        ]
        if finding.fired_at:
            age = figures.length(self._digest.window.end - finding.fired_at)
            parts.append(self._words.firing_for.format(age=age))
        if finding.state in {"no_data", "error"}:
            parts.append(self._words.not_known)
        return self.joined(parts)

    def expired(self, finding: Finding) -> str:
        """Return what is closed without an answer, and why; it is not said to be over."""
        gone = finding.labels.get("cluster") in self._digest.gone
        since = finding.unknown_since or self._digest.window.end
        age = figures.length(self._digest.window.end - since)
        return self.joined(
            [
                self._dialect.strong(self._dialect.text(finding.alert)),
                self.labels(replace(finding, summary="")),
                self._words.expired_gone if gone else self._words.expired_note.format(age=age),
            ]
        )

    def silence(self, entry: Silenced) -> str:
        """Return a silence that holds something back: how much, whose, until when."""
        line = counted(
            self._words.silence,
            entry.alerts,
            matchers=self._dialect.text(entry.matchers, 120),
            by=self._dialect.text(entry.created_by, 60) or "?",
            until=self._clock.moment(entry.until),
        )
        return self.joined([line, self._dialect.text(entry.comment)])

    def switched_off(self, entry: Held) -> str:
        """Return a rule that is off: until when and why."""
        parts = [self._dialect.text(entry.alert)]
        if entry.until:
            parts.append(self._words.until.format(moment=self._clock.moment(entry.until)))
        return self.joined([*parts, self._dialect.text(entry.comment)])

    def labels(self, finding: Finding) -> str:
        """Return the labels that the summary does not name already."""
        alone = self._digest.clusters == (finding.labels.get("cluster"),)
        hidden = _SILENT_LABELS | ({"cluster"} if alone else set())
        return " ".join(
            f"{self._dialect.text(name, LABEL_CHARACTERS)}={self._dialect.text(value, LABEL_CHARACTERS)}"
            for name, value in finding.labels.items()
            if name not in hidden and value and value not in finding.summary
        )

    def link(self) -> list[str]:
        """Return the link to the page, if there is one."""
        link = self._dialect.link(self._words.report, self._digest.link)
        return [link] if link else []

    def joined(self, parts: Iterable[str]) -> str:
        """Join what is there of one line."""
        return self._dialect.dot.join(part for part in parts if part)


def _shared(texts: Iterable[str]) -> str:
    """Return the text that all have in common; empty where they differ."""
    found = set(texts)
    return found.pop() if len(found) == 1 else ""


def _first_sentences(text: str) -> str:
    """Return the sentences that fit a line or two; docs/rules.md has the others."""
    if len(text) <= _DESCRIPTION_CHARACTERS:
        return text
    ends = [m.end() for m in _SENTENCE_END.finditer(text) if m.end() <= _DESCRIPTION_CHARACTERS]
    return text[: ends[-1]].rstrip() if ends else text

"""The first lines of a digest: what, when, how bad, how much, and whether all of it was seen.

Silence is only quiet where coverage is complete. A window with a gap says so in the
same sentence, and a window that no snapshot reaches is NO DATA, never a good day.
"""

from __future__ import annotations

from etl.alerts import figures
from etl.alerts.dialects import Dialect
from etl.alerts.figures import Clock
from etl.alerts.model import SEVERITIES, Coverage, Digest, Gap
from etl.alerts.words import WORDS, Words, counted

_NAMED_CLUSTERS = 4
# In a sentence; the health section lists the others.
_NAMED_GAPS = 3
_NAMED_LISTED = 4


class Status:
    """The status of one digest in one dialect."""

    def __init__(self, digest: Digest, dialect: Dialect) -> None:
        """Take the words from the digest's language."""
        self._digest = digest
        self._dialect = dialect
        self._words: Words = WORDS[digest.language]
        self._clock = Clock(digest, self._words)

    def lines(self) -> list[str]:
        """Return the status as one or two lines of markup; a quiet day is one.

        Who and how bad come first: a phone shows no more of a message than that.
        """
        join, strong = self._dialect.dot.join, self._dialect.strong
        who = strong(clusters(self._digest, self._dialect))
        head = [who, strong(self._verdict()), self._clock.window()]
        if self._digest.kind == "urgent":
            return [join([self._words.urgent, *head])]
        if self._digest.coverage.share is None:
            return [join(head), join(self._no_data())]
        facts = [*self._totals(), *self._coverage()]
        if not self._digest.quiet:
            return [join(head), join(facts)]
        return [join([*head, *facts, *self._held()])]

    def _held(self) -> list[str]:
        """Say on a quiet day what may be quiet only because it was told to be."""
        digest, words = self._digest, self._words
        counts = (
            (words.held_count, len(digest.held)),
            (words.silenced_count, digest.silenced),
            (words.inhibited, digest.inhibited),
            (words.paused, digest.paused),
        )
        return [counted(phrase, count) for phrase, count in counts if count]

    def title(self) -> str:
        """Return clusters and verdict: the one line of a preview or a subject."""
        who = f"{clusters(self._digest, self._dialect)}{self._words.colon}{self._verdict()}"
        return (
            f"{self._words.urgent}{self._words.colon}{who}"
            if self._digest.kind == "urgent"
            else who
        )

    def _verdict(self) -> str:
        digest, words = self._digest, self._words
        if digest.coverage.share is None:
            seen = digest.findings or digest.totals.occurrences
            verdict = words.no_data_findings if seen else words.no_data
            return words.comma.join([verdict, *self._alerts()])
        if alerts := self._alerts():
            return words.comma.join(alerts)
        if digest.coverage.complete:
            return words.all_quiet if digest.quiet else words.no_findings
        return f"{words.no_findings_seen}{words.semicolon}{self._missing()}"

    def _alerts(self) -> list[str]:
        """Count what is new, what goes on and what is over."""
        digest, words = self._digest, self._words
        known = digest.still or digest.resolved or digest.expired
        new = [counts(digest)] if digest.findings else []
        if known:
            new = [words.new_count.format(counts=new[0]) if new else words.nothing_new]
        if digest.still:
            new.append(words.still_count.format(count=len(digest.still)))
        if digest.resolved:
            new.append(words.resolved_count.format(count=len(digest.resolved)))
        if digest.expired:
            new.append(words.expired_count.format(count=len(digest.expired)))
        return new

    def _missing(self) -> str:
        """Say how much was not seen and, for the longest gaps, when and why."""
        coverage, window = self._digest.coverage, self._digest.window
        longest = _longest(coverage)[:_NAMED_GAPS]
        named = self._words.listing.join(self.gap(gap) for gap in longest)
        if len(coverage.gaps) > _NAMED_GAPS:
            named += "…"
        return self._words.not_covered.format(
            missing=figures.length(window.length - coverage.covered),
            whole=figures.length(window.length),
            gaps=named,
        )

    def gap(self, gap: Gap) -> str:
        """Say when and why nothing was seen, and where, if there is more than one cluster."""
        cause = self._words.causes.get(gap.cause) or self._dialect.text(gap.cause, 80)
        where = f"{self._dialect.text(gap.cluster, 60)} " if len(self._digest.clusters) > 1 else ""
        return f"{where}{self._clock.span(gap.start, gap.end)} {cause}"

    def _totals(self) -> list[str]:
        totals, words = self._digest.totals, self._words
        parts = []
        for phrase, value, baseline in (
            (words.occurrences, totals.occurrences, totals.baseline_occurrences),
            (words.warnings, totals.warnings, totals.baseline_warnings),
        ):
            beside = figures.change(value, baseline, words)
            fact = counted(phrase, value)
            parts.append(words.aside.format(fact=fact, note=beside) if beside else fact)
        if totals.baseline_occurrences is None:
            parts[-1] = words.aside.format(fact=parts[-1], note=words.no_baseline)
        return parts

    def _coverage(self) -> list[str]:
        """Return the covered share, and the longest gap where the verdict has not named it; then what is told elsewhere."""
        coverage, words = self._digest.coverage, self._words
        phrase = words.coverage_failed if coverage.failed else words.coverage
        parts = [
            counted(
                phrase,
                coverage.snapshots,
                share=figures.share(coverage.share or 0.0, complete=coverage.complete),
                failed=str(coverage.failed),
            )
        ]
        if coverage.gaps and self._alerts():
            gap = _longest(coverage)[0]
            phrase = words.gaps if len(coverage.gaps) > 1 else words.longest_gap
            span = figures.length(gap.end - gap.start)
            parts.append(phrase.format(count=len(coverage.gaps), length=span, gap=self.gap(gap)))
        several = len(self._digest.clusters) > 1
        only = words.only_of if several else words.only
        parts.extend(self._of(name, listed, only) for name, listed in coverage.only)
        not_stored = words.not_stored_of if several else words.not_stored
        parts.extend(self._of(name, names, not_stored) for name, names in coverage.not_stored)
        if elsewhere := self._digest.elsewhere:
            parts.append(counted(words.elsewhere, elsewhere))
        return parts

    def _of(self, cluster: str, listed: tuple[str, ...], phrase: str) -> str:
        """Say of what alone the share speaks, or of what it does not."""
        names = self._words.listing.join(
            self._dialect.text(name, 60) for name in listed[:_NAMED_LISTED]
        )
        if len(listed) > _NAMED_LISTED:
            names += "…"
        return phrase.format(cluster=self._dialect.text(cluster, 60), names=names)

    def _no_data(self) -> list[str]:
        words, last = self._words, self._digest.coverage.last_snapshot_at
        seen = words.last_snapshot.format(moment=self._clock.moment(last)) if last else words.never
        return [
            seen,
            words.no_data_advice,
            *(self._totals() if self._digest.totals.occurrences else []),
        ]


def counts(digest: Digest) -> str:
    """Return the findings by severity: ``2 critical, 3 warning``."""
    words = WORDS[digest.language]
    return words.comma.join(
        words.count.format(count=digest.counted(severity), severity=words.severities[severity])
        for severity in SEVERITIES
        if digest.counted(severity)
    )


def clusters(digest: Digest, dialect: Dialect) -> str:
    """Return the names of the clusters, or their number where there are many."""
    words = WORDS[digest.language]
    if not 0 < len(digest.clusters) <= _NAMED_CLUSTERS:
        return counted(words.clusters, len(digest.clusters))
    return words.listing.join(dialect.text(name, 60) for name in digest.clusters)


def _longest(coverage: Coverage) -> list[Gap]:
    return sorted(coverage.gaps, key=lambda gap: (gap.start - gap.end, gap.start, gap.cluster))

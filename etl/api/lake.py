"""What ``etl.open`` returns: a lake that answers in DataFrames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from difflib import get_close_matches

import pandas as pd
import pyarrow as pa

from etl.api.opened import SPAN, Opened
from etl.api.rule import RuleHistory, listed
from etl.api.said import Day, Moment, Span, When, parameter
from etl.errors import UsageError, quoted
from etl.incident import finding, record, story, telling
from etl.incident.kinds import Reference, reference
from etl.incident.listing import everything
from etl.incident.wanted import Wanted
from etl.lake.stranger import Relation, relation
from etl.lake.views import PUBLIC
from etl.reports import catalogue, coverage
from etl.reports.run import run
from etl.statements import statement
from etl.timespan import rfc3339

# Long enough to see what is usual, and two of every day of the week.
_HISTORY = timedelta(days=14)
_NONE: Mapping[str, object] = {}


class Lake(Opened):
    """A lake, opened for reading; ``etl.open`` tells what it takes. Use it with ``with``, or ``close`` it.

    Every method may be limited to one ``cluster``. Windows are given as on the command line:
    ``since="24h"``, ``day="2026-11-23"``, or ``start=`` with an optional ``end=``; a time without
    an offset is meant in the lake's timezone. Raised are errors of ``etl.errors``: ``UsageError``
    for a name or a window that cannot be, ``StatementError`` for SQL, ``LakeError`` for the rest;
    what is left out of an answer, such as a damaged file, is a ``LakeWarning``.
    """

    @property
    def views(self) -> pd.DataFrame:
        """The views that ``sql`` can ask: a row per ``view`` and ``column``, with its ``type``."""
        asked = self._shown().stranger(self._cluster)
        tables = {name: asked.columns(name) for name in PUBLIC}
        rows = pa.concat_tables(
            [
                table.add_column(0, "view", pa.array([name] * table.num_rows))
                for name, table in tables.items()
            ]
        )
        return self._told(rows)

    @property
    def reports(self) -> pd.DataFrame:
        """The reports that there are: ``name``, ``title``, ``question``, ``parameters``, ``chart``, ``file``."""
        rows = catalogue.listed(self._catalogue.values(), self._settings.language)
        return self._told(rows)

    @property
    def rules(self) -> pd.DataFrame:
        """The rules: ``name``, ``severity``, ``threshold``, ``by``, and whether they are ``enabled``."""
        return self._told(listed(self._ready()))

    def report(
        self,
        name: str,
        /,
        *,
        since: Span | None = None,
        day: Day | None = None,
        start: Moment | None = None,
        end: Moment | None = None,
        cluster: str | None = None,
        **parameters: object,
    ) -> pd.DataFrame:
        """Return the rows of a report over a window, the last 24 hours by default.

        ``parameters`` are the report's own, such as ``reason="BackOff"``. ``attrs`` of the frame
        has its ``title`` and ``question``, and the window's ``start`` and ``end``.
        """
        report = catalogue.find(name, self._catalogue)
        window = self._window(When(since=since, day=day, start=start, end=end))
        rows = run(
            report,
            self._session(cluster),
            window=window,
            timezone=self._zone,
            extra={key: parameter(value) for key, value in parameters.items()},
        )
        language = self._settings.language
        return self._told(
            rows,
            title=report.titles[language],
            question=report.questions[language],
            start=rfc3339(window.start),
            end=rfc3339(window.end),
        )

    def coverage(
        self,
        *,
        since: Span | None = None,
        day: Day | None = None,
        start: Moment | None = None,
        end: Moment | None = None,
        cluster: str | None = None,
    ) -> str:
        """Return the line that says which part of a window is proven, and where the gaps are.

        An empty answer over a time that nobody watched is not a quiet one. The spans
        themselves are the rows of the report ``coverage``.
        """
        window = self._window(When(since=since, day=day, start=start, end=end))
        session = self._session(cluster)
        proof = coverage.coverage(session, window=window, timezone=self._zone)
        return coverage.line(proof, timezone=self._zone, language=self._settings.language)

    def sql(
        self,
        text: str,
        parameters: Mapping[str, object] = _NONE,
        /,
        *,
        since: Span | None = None,
        day: Day | None = None,
        start: Moment | None = None,
        end: Moment | None = None,
        cluster: str | None = None,
    ) -> Relation:
        """Run one SELECT over the views, as ``eventlake sql`` does, and return its rows as a relation.

        ``parameters`` are bound by name: ``$reason`` takes ``{"reason": …}``. ``$start``, ``$end`` and
        ``$timezone`` are those of the window, as in a report. The statement runs at once, behind the walls and within the limits of ``sql`` in the configuration. The
        relation is of DuckDB's default connection and its rows are in memory: ``.df()`` makes
        a DataFrame of it, and ``duckdb.sql`` joins it with frames of one's own.
        """
        window = self._window(When(since=since, day=day, start=start, end=end))
        bound = {"start": window.start, "end": window.end, "timezone": self.timezone, **parameters}
        rows = self._shown().stranger(cluster or self._cluster).run(text, bound)
        self._warn()
        return relation(rows)

    def events(  # noqa: PLR0913 -- keywords, as the options of eventlake events
        self,
        about: str | None = None,
        /,
        *,
        namespace: str | None = None,
        types: Sequence[str] = (),
        reasons: Sequence[str] = (),
        since: Span | None = None,
        day: Day | None = None,
        start: Moment | None = None,
        end: Moment | None = None,
        cluster: str | None = None,
        observations: bool = False,
        limit: int | None = None,
    ) -> pd.DataFrame:
        """Return event objects in their newest state, oldest first, with the columns of the view ``latest``.

        ``about`` is an object such as ``pod/web-0``; ``observations`` shows every state that was
        seen, ``limit`` keeps the newest. Without a window it is all of history.
        """
        when = When(since=since, day=day, start=start, end=end)
        wanted = Wanted(
            window=self._window(when) if when.said else everything(self.now),
            namespace=namespace,
            about=None if about is None else _reference(about),
            types=types,
            reasons=reasons,
            every=observations,
            most=limit,
        )
        text = statement("incident/events").text
        return self._told(self._session(cluster).run(text, wanted.parameters))

    def timeline(
        self,
        about: str,
        /,
        *,
        namespace: str | None = None,
        since: Span | None = None,
        day: Day | None = None,
        start: Moment | None = None,
        end: Moment | None = None,
        cluster: str | None = None,
    ) -> pd.DataFrame:
        """Return the story of an object and of what belongs to it: a row per episode, in order.

        Without a window it is told from the 24 hours up to the newest event. ``attrs`` of the frame
        has the ``title`` and the ``facts``: the window, what belongs to it, the phases, coverage.
        """
        session, meant = self._session(cluster), _reference(about)
        sure = namespace is not None
        place = finding.find(session, meant, now=self.now, namespace=namespace, sure=sure)
        when = When(since=since, day=day, start=start, end=end)
        window = self._window(when) if when.said else None
        told = story.tell(
            session,
            meant,
            place,
            window=window or telling.default_window(place.last_seen, SPAN),
            timezone=self._zone,
        )
        return self._told(
            record.to_table(told),
            title=telling.heading(told),
            facts=telling.facts(told, self._zone),
        )

    def rule(
        self,
        name: str,
        /,
        *,
        since: Span | None = None,
        day: Day | None = None,
        start: Moment | None = None,
        end: Moment | None = None,
        cluster: str | None = None,
    ) -> RuleHistory:
        """Return what a rule would have measured, digest for digest, in a window; 14 days by default."""
        rules = {rule.name: rule for rule in self._ready()}
        if name not in rules:
            near = get_close_matches(name, rules, n=1)
            offer = f"did you mean {near[0]}?" if near else f"there are {', '.join(rules)}"
            raise UsageError(f"there is no rule {quoted(name, 60)!r}; {offer}")
        window = self._window(When(since=since, day=day, start=start, end=end), _HISTORY)
        session = self._session(cluster)
        found = RuleHistory(rules[name], session, window, settings=self._settings, zone=self._zone)
        self._warn()
        return found


def _reference(about: str) -> Reference:
    try:
        return reference(about, kind="pod")
    except ValueError as error:
        raise UsageError(str(error)) from error

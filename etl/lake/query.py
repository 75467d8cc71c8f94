"""Questions to a lake: a session over its views, statements to rows.

A session takes the list of the lake's files once, so its answers belong to one
moment, and leaves damaged files out, by name, because one truncated file must not
stop a report. Statements are the shipped ``.sql`` files and the user's own; values
are bound by name, never written into text.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Self

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from etl import manifest, schema
from etl.errors import StatementError
from etl.lake.guard import refusal
from etl.lake.keep import keep_counts, keep_proof, keep_rows
from etl.lake.layout import Lake, PartFile, clusters_of
from etl.lake.ledger_days import ledger_files
from etl.lake.leftovers import spill_folder
from etl.lake.partitions import Partitions, partitions, sources
from etl.lake.patience import Answer, OverdueError, patiently
from etl.lake.told import NAMES as TOLD
from etl.lake.told import Told
from etl.lake.trouble import excerpt, is_reading, told
from etl.lake.viewing import Viewing
from etl.lake.views import (
    COUNTED_SCHEMA,
    COUNTING,
    MACROS,
    PUBLIC,
    ROLLING_UP,
    VIEWS,
    needed,
)
from etl.lake.wholeness import fault
from etl.statements import statement
from etl.timespan import Duration

# A single statement pays for no table that nobody asks again.
_AGAIN = 2
_ONE_SELECT = "exactly one SELECT is wanted: the lake is read-only and statements run one by one"
# DuckDB asks for the values first, and keeps them as a type of its own: two statements more.
_PIVOT = (
    "PIVOT has to name its values, such as PIVOT events ON type IN ('Normal', 'Warning') USING"
    " sum(occurrences): without them it is several statements, of which one writes"
)
_MACRO_NAMES = tuple(name.rpartition("/")[2] for name in MACROS)
_CATALOGUE = Path(__file__).with_name("event_reasons.tsv")


class Session(Viewing):
    """A read-only DuckDB session over the views of one lake.

    ``warnings`` names the files that were left out; ``clusters`` are those with data.
    """

    def __init__(
        self,
        settings: Mapping[str, str] | None = None,
        *,
        timeout: timedelta | None = None,
        many: bool = False,
    ) -> None:
        """Open an empty session; use ``session`` or ``over`` to get one with views.

        ``settings`` are DuckDB's, ``timeout`` is how long a statement may take; ``many`` says that
        more than a few statements will be asked.
        """
        super().__init__(settings)
        # In a notebook the client (2.0) asks for a package that draws bars, and refuses without it.
        # Nobody is told of progress there: only commands show any.
        with suppress(duckdb.InvalidInputException):
            self._connection.execute("set enable_progress_bar = true")
            self._connection.execute("set enable_progress_bar_print = false")
        self.tell: Callable[[float], None] | None = None
        """Is called with the share, 0 to 1, that is done of the statement that runs, every moment."""
        self.warnings: list[str] = []
        self.clusters: list[str] = []
        self.cluster: str | None = None
        """The one cluster that the session is limited to; null where it is of all."""
        self._lake: Lake | None = None
        self._used: list[str] = []
        self._damaged: set[str] = set()
        self._asked, self._open_days, self._many, self._proven = 0, False, many, False
        self._pending: dict[str, str] = {}
        self._untold: set[str] = set()
        self._timeout = timeout

    def showing(self, lake: Lake, cluster: str | None) -> Self:
        """Show the views over ``lake`` and return itself; it closes itself where that fails.

        Raises ``LakeError`` if there is no lake, or one of a newer format.
        """
        try:
            lake.check()
            with self._told():
                self._open(lake, cluster)
        except BaseException:
            self.close()
            raise
        return self

    @classmethod
    def over(cls, tables: Mapping[str, pa.Table]) -> Self:
        """Return a session whose views are the given Arrow tables, by name."""
        opened = cls()
        for name, table in tables.items():
            opened._connection.register(name, table)
            if "cluster" in table.column_names:
                found = {value for value in pc.unique(table["cluster"]).to_pylist() if value}
                opened.clusters = sorted({*opened.clusters, *found})
        if "damage" not in tables:
            opened._connection.register("damage", manifest.DAMAGE_SCHEMA.empty_table())
        if "configured" not in tables:
            opened._connection.register("configured", _named([]))
        if "reasons" not in tables:
            opened._register_reasons()
        if "coverage" in tables:
            opened._define_macros()
        return opened

    def run(
        self, text: str, parameters: Mapping[str, object], *, limit: timedelta | None = None
    ) -> pa.Table:
        """Run one statement and return its rows; it is ended after ``limit``, else after the session's own.

        Only the parameters that the statement names are bound. Raises ``QueryError``
        for a statement that is not one SELECT, a missing parameter, or DuckDB's refusal;
        ``LakeError`` for a store that does not answer.
        """
        limit = limit or self._timeout
        with self._told():
            try:
                self._patiently(partial(self._keep, text), self._timeout)
                return self._patiently(partial(self._table, text, parameters), limit)
            except duckdb.Error as error:
                if not (is_reading(error) and self._leave_out_damaged()):
                    raise
            return self._patiently(partial(self._table, text, parameters), limit)

    def stream(
        self, text: str, parameters: Mapping[str, object], *, rows: int
    ) -> Iterator[pa.RecordBatch]:
        """Run one statement as ``run`` does and yield its rows in batches of ``rows``, never all at once."""
        with self._told():
            bound = self._bound(text, parameters)
            reader = self._patiently(lambda: bound.to_arrow_reader(rows), self._timeout)
            while (batch := self._patiently(lambda: next(reader, None), self._timeout)) is not None:
                yield batch

    def parameters(self, text: str) -> set[str]:
        """Return the names that ``text`` binds; raises ``QueryError`` unless it is exactly one SELECT."""
        try:
            found = self._connection.extract_statements(text)
            if len(found) == 1 and found[0].type == duckdb.StatementType.MULTI:
                raise StatementError(_PIVOT)
            if len(found) != 1 or found[0].type != duckdb.StatementType.SELECT:
                raise StatementError(_ONE_SELECT)
        except duckdb.Error as error:
            raise told(error) from error
        except ValueError as error:
            # The client's list of kinds of statements is shorter than the parser's (2.0).
            raise StatementError(_ONE_SELECT) from error
        return set(found[0].named_parameters)

    def look_through(self, text: str) -> None:
        """Make sure that somebody else's statement asks the public views and nothing else.

        Raises ``StatementError`` with the place of what else it asks, if that is known.
        """
        # Not one SELECT is the first thing to say; then what else it asks for.
        self.parameters(text)
        tree = self._connection.sql(statement("lake/tree").text, params={"statement": text})
        found = refusal(msgspec.json.decode(tree.fetchall()[0][0]), PUBLIC, _MACRO_NAMES)
        if found:
            place = "" if found.byte is None else excerpt(text, found.byte)
            raise StatementError(found.reason, excerpt=place)

    def _keep(self, text: str) -> None:
        """Keep what the statement asks for and others will ask again."""
        asked = needed(text)
        self._keep_open_days(asked)
        if self._many and not self._proven and "coverage_by_namespace" in asked:
            self._proven = True
            self._make(needed("coverage"))
            keep_proof(self._connection)

    def _keep_open_days(self, asked: Collection[str]) -> None:
        """Keep open days: at once if many statements will ask for them, else from the second one on.

        Counting reads every open day, so statements about states alone, which cost the files of
        their own days, do not pay for it unless many others will gain.
        """
        if not (self._open_days and {"occurrences", "merged" if self._many else ""} & set(asked)):
            return
        self._asked += 1
        if self._many and self._asked == 1:
            self._make(needed("rolled_up"))
            keep_rows(self._connection)
        elif not self._many and self._asked == _AGAIN:
            self._make(needed("occurrences owners"))
            keep_counts(self._connection)

    def _table(self, text: str, parameters: Mapping[str, object]) -> pa.Table:
        return self._bound(text, parameters).to_arrow_table()

    def _patiently(self, work: Callable[[], Answer], limit: timedelta | None) -> Answer:
        """Do ``work`` so that signals and the ``limit`` of time reach it."""
        try:
            return patiently(
                work,
                interrupt=self._interrupt,
                limit=limit,
                tell=self._tell_progress if self.tell else None,
            )
        except OverdueError as error:
            given = Duration(seconds=limit.total_seconds() if limit else 0)
            message = (
                f"the statement was ended after {given}: filter on date, or give it more time"
                " by sql.timeout or --timeout"
            )
            raise StatementError(message) from error

    def _interrupt(self) -> None:
        self._connection.interrupt()

    def _tell_progress(self) -> None:
        # DuckDB says -1 while it plans.
        if self.tell:
            self.tell(max(0.0, self._connection.query_progress() / 100))

    def _bound(self, text: str, parameters: Mapping[str, object]) -> duckdb.DuckDBPyRelation:
        self._make(needed(text))
        names = self.parameters(text)
        missing = sorted(names - set(parameters))
        if missing:
            message = "the statement wants a value for " + ", ".join(f"${name}" for name in missing)
            raise StatementError(message)
        bound = {name: parameters[name] for name in names}
        try:
            return self._connection.sql(text, params=bound) if bound else self._connection.sql(text)
        except (duckdb.BinderException, duckdb.CatalogException):
            # A relation does not say where in the statement the name stands; executing does.
            self._connection.execute(text, bound)
            raise

    def _open(self, lake: Lake, cluster: str | None) -> None:
        lake = lake.at_one_moment()
        self._lake, self.cluster = lake, cluster
        self._register_reasons()
        self._register(
            "configured", _named([name for name in lake.configured if cluster in (None, name)])
        )
        self._show(lake)

    def _show(self, lake: Lake) -> None:
        """Create the views over the files that the lake has now, but for those known to be damaged."""
        # The ledger first: what it promises is there when the states are listed. The other way
        # round, a run that ends in between would show as covered what is not in the answer.
        ledger = lake.ledger(self.cluster)
        known = partitions(lake, self.cluster, without=self._damaged)
        self._warn(known.warnings)
        of = sources(known)
        self._read_states(lake, of)
        self._asked, self._open_days, self._proven = 0, bool(of.parts), False
        # Kept rows of days that older rules sealed could not be told from states that are open.
        self._many &= not of.outdated
        self._pending = {}
        self._untold = set(TOLD)
        if of.parts:
            self._later(COUNTING)
        else:
            # Plans of a lake whose days are all closed have nothing to merge and to count.
            self._show_nothing("merged", schema.FULL_SCHEMA)
            self._show_nothing("occurrences", COUNTED_SCHEMA)
        if of.parts or of.outdated:
            self._later(ROLLING_UP)
        else:
            self._show_nothing("rolled_up", schema.FULL_DAY_SCHEMA)
        rows = self._show_ledger(lake, known, ledger)
        self.clusters = sorted({*(name for name, _day in known.found), *clusters_of(rows)})
        self._later(VIEWS)
        self._define_macros()
        self._used = [*of.days, *of.outdated, *of.context, *of.parts, *(file.path for file in rows)]

    def _show_ledger(
        self, lake: Lake, known: Partitions, listed: Sequence[PartFile]
    ) -> list[PartFile]:
        """Create the views of the ledger and of what it promises in vain; return the ledger's files."""
        ledger = ledger_files(lake, listed, without=self._damaged)
        self._warn(ledger.warnings)
        self._read_files("ledger", [lake.files.location(file.path) for file in ledger.files])
        self._register("present", _present(known))
        self._register("lost_rows", ledger.lost)
        self._later(("lake/damage",))
        return ledger.files

    def _leave_out_damaged(self) -> bool:
        """Read every file as a whole and leave out what cannot be; return whether there was any."""
        if self._lake is None or (self._storage is not None and self._storage.failure is not None):
            return False
        told = {path: fault(self._lake, path) for path in dict.fromkeys(self._used)}
        found = {path: words for path, words in told.items() if words is not None}
        if found:
            self._warn([words for words in found.values() if words])
            self._damaged.update(found)
            self._show(self._lake)
        return bool(found)

    def _warn(self, warnings: Sequence[str]) -> None:
        self.warnings += [text for text in warnings if text not in self.warnings]

    def _later(self, names: Sequence[str]) -> None:
        """Create these views when a statement needs them: parsing all of them takes 20 ms (DuckDB 2.0)."""
        self._pending |= {name.rpartition("/")[2]: name for name in names}

    def _make(self, wanted: Collection[str]) -> None:
        """Create the views among ``wanted`` that wait for it, in the order in which they were named."""
        if self._lake is not None:
            for name in sorted(self._untold.intersection(wanted)):
                # Read when somebody asks: a lake of a year has thousands of these small files.
                self._untold.discard(name)
                told = Told(self._lake.files, self.cluster, self._warn)
                self._register(name, told.table(name))
        for name in [name for name in self._pending if name in wanted]:
            self._create([self._pending.pop(name)])

    def _define_macros(self) -> None:
        for name in MACROS:
            self._connection.execute(statement(name).text)

    def _register_reasons(self) -> None:
        options = pacsv.ParseOptions(delimiter="\t", quote_char=False)
        self._register("reasons", pacsv.read_csv(_CATALOGUE, parse_options=options))


def _named(clusters: Sequence[str]) -> pa.Table:
    """Return the clusters that the configuration names, one per row."""
    return pa.table({"cluster": clusters}, pa.schema({"cluster": pa.string()}))


def _present(known: Partitions) -> pa.Table:
    """Return the parts that can be read, by cluster, as the ledger names them: date/name."""
    named = [
        (name, f"{day}/{part}") for (name, day), one in known.found.items() for part in one.names
    ]
    columns = {"cluster": [name for name, _ in named], "part": [part for _, part in named]}
    return pa.table(columns, pa.schema({"cluster": pa.string(), "part": pa.string()}))


@contextmanager
def session(
    lake: Lake, *, cluster: str | None = None, many: bool = False, memory: str = ""
) -> Iterator[Session]:
    """Open a session over ``lake``, limited to one ``cluster`` if given.

    ``memory`` is what DuckDB may hold, such as 300MB; most of what there is without it.

    ``many`` says that more than a few statements will be asked: open days are then kept in
    memory, which pays from about four answers on. What does not fit into memory goes to a folder
    of the system's temporary ones. For statements of strangers there is ``etl.lake.stranger``.
    Raises ``LakeError`` if there is no lake, or one of a newer format.
    """
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(spill_folder())
        except OSError:
            # A container may have no place to write: then all has to fit into memory.
            folder = ""
        limits = {"temp_directory": folder} | ({"memory_limit": memory} if memory else {})
        opened = stack.enter_context(Session(limits, many=many))
        yield opened.showing(lake, cluster)

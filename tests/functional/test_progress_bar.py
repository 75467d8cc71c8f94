"""The progress bar at real terminals of several widths: what is seen, what is left, who gets none."""

from __future__ import annotations

import gzip
import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from etl import log
from etl.cli import main
from etl.commands.bar import Bar, is_wanted
from etl.lake.folders import LocalFiles
from etl.lake.query import Session, session
from etl.reports import page
from etl.reports.catalogue import catalogue
from etl.source import dump
from etl.timespan import Window, parse_zone
from tests.lib import lakes, tables
from tests.lib.apiserver import ApiServer
from tests.lib.commandline import NOW
from tests.lib.events import event
from tests.lib.screen import Terminal, own_terminal, terminal
from tests.lib.snapshots import dumped, filled, taken

ROOT = Path(__file__).parents[2]
ENDLESS = "select count(*) from range(10000000000) a, range(1000) b where a.range * b.range % 7 = 3"
AT_ONCE = timedelta()
MESSAGE = "something is odd, and to say what it is takes more than the sixty columns of this line"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Leave the process's logging as it was found."""
    logger = logging.getLogger(log.ROOT)
    handlers, level, propagate = logger.handlers, logger.level, logger.propagate
    yield
    logger.handlers, logger.level, logger.propagate = handlers, level, propagate


class Clock:
    """A clock that stands still but for what the test lets pass."""

    now = datetime(2026, 11, 23, tzinfo=UTC)

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now


def unbroken(lines: list[str]) -> str:
    """Return text without blanks, which get lost where a terminal breaks a line."""
    return "".join(lines).replace(" ", "")


def bar(shown: Terminal, clock: Clock, after: timedelta = AT_ONCE) -> Bar:
    """A bar about an import on a terminal; the log is written to the same terminal."""
    log.configure(stream=shown.stream)
    return Bar("import", "events", clock=clock, stream=shown.stream, environ={}, after=after)


@pytest.mark.parametrize(
    ("width", "words"),
    [
        (40, " 45% 12,346/s 2m1s left"),
        (60, " 45% 12,346/s 2m1s left"),
        (80, " 45% 1,234,567 events 12,346/s 2m1s left"),
        (200, " 45% 1,234,567 events 12,346/s 2m1s left"),
    ],
)
def test_one_line_that_fits(width: int, words: str) -> None:
    """Title, bar, share, count where there is room, rate and remaining time, up to where ^C has room."""
    clock = Clock()
    with terminal(width) as shown, bar(shown, clock) as tell:
        clock.now += timedelta(seconds=100)
        tell(0.4523, 1_234_567)
        (line,) = shown.until("45%").lines
        assert line.startswith("import ━")
        assert line.endswith("━" + words)
        assert len(line) == width - 3


@pytest.mark.parametrize("width", [60, 80, 200])
def test_messages_stand_above_and_stay(width: int) -> None:
    """A warning is written whole above the bar; when the bar is gone it is all that is left."""
    clock = Clock()
    with terminal(width) as shown:
        with bar(shown, clock):
            logging.getLogger("etl.test").warning(MESSAGE)
            *said, line = shown.until("import").lines
            assert unbroken(said) == unbroken(["warning:", MESSAGE])
            assert line.startswith("import ━")
            assert not shown.screen().cursor_shown
        logging.getLogger("etl.test").info("done")
        screen = shown.screen()
        assert unbroken(screen.lines) == unbroken(["warning:", MESSAGE, "done"])
        assert screen.cursor_shown


def test_others_write_on_the_same_terminal() -> None:
    """Meanwhile the bar is away, and what was written stays where it is."""
    with terminal(80) as shown, bar(shown, Clock()) as tell:
        shown.until("import")
        with tell.aside():
            assert shown.screen().lines == []
            print("a table", file=shown.stream)
        assert shown.until("import").lines[0] == "a table"


def test_work_that_takes_a_moment_shows_nothing() -> None:
    """A bar that would be gone at once is not begun."""
    with terminal(80) as shown:
        with bar(shown, Clock(), after=timedelta(hours=1)) as tell:
            tell(0.5, 10)
            with tell.aside():
                pass
        assert shown.screen().lines == []


def test_a_title_that_is_too_long_is_cut() -> None:
    """The bar keeps its half of the line."""
    with terminal(60) as shown, bar(shown, Clock()) as tell:
        tell.title = "page, report 12 of 20: image_pull_failures"
        (line,) = shown.until("…").lines
        assert line.startswith("page, report 12 of 20: imag… ━")


@pytest.mark.parametrize(
    ("term", "wanted"), [("xterm-256color", True), ("dumb", False), (None, False)]
)
def test_who_gets_a_bar(term: str | None, *, wanted: bool) -> None:
    """A terminal that can move its cursor; no file, no pipe, no dumb terminal."""
    with terminal(80) as shown:
        assert is_wanted(shown.stream, term) == wanted
    assert not is_wanted(io.StringIO(), term)


def test_ctrl_c_leaves_a_clean_terminal(tmp_path: Path) -> None:
    """A bar that waits for a file is taken away, the cursor is back, and the code is 130."""
    pipe = tmp_path / "events.json"
    os.mkfifo(pipe)
    with terminal(80) as shown:
        process = subprocess.Popen(
            [sys.executable, "-m", "etl", "--lake=lake", "--cluster=x", "import", pipe],
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT), "TERM": "xterm", "HOME": str(tmp_path)},
            stdin=shown.stream,
            stdout=shown.stream,
            stderr=shown.stream,
            start_new_session=True,
            preexec_fn=own_terminal,  # noqa: PLW1509 -- it only asks the kernel, in the child
        )
        try:
            assert "import ━" in shown.until("import").lines[-1]
            shown.type("\x03")
            assert process.wait(60) == 130
            screen = shown.screen()
        finally:
            process.kill()
            process.wait()
    assert screen.lines == ["warning: interrupted; what was not published is discarded"]
    assert screen.cursor_shown


@pytest.mark.parametrize("option", ["--quiet", "--log-format=json"])
def test_no_bar_for_jobs(option: str, tmp_path: Path) -> None:
    """With --quiet, or messages as JSON, a terminal gets no bar either."""
    dump = dumped(tmp_path)
    with terminal(80) as shown:
        code = main(
            [option, f"--lake={tmp_path / 'lake'}", "--cluster=x", "import", str(dump)],
            environ={"TERM": "xterm"},
            now=NOW,
            streams=(io.BytesIO(), io.TextIOWrapper(io.BytesIO()), shown.stream),
        )
        assert code == 0
        assert "━" not in "".join(shown.screen().lines)


def test_an_import_tells_its_share_by_bytes(tmp_path: Path) -> None:
    """Files count by their size, and a short one is read at once; a pipe has no size, so nobody knows."""
    text = json.dumps({"kind": "List", "items": [event(f"web-{n}", at=NOW) for n in range(5001)]})
    (tmp_path / "a.json").write_text(text)
    (tmp_path / "b.json.gz").write_bytes(gzip.compress(text.encode()))
    reading = dump.Reading()
    shares = [reading.share or 0 for _ in dump.chunks([str(tmp_path)], reading, io.BytesIO())]
    whole = (tmp_path / "a.json").stat().st_size / sum(
        path.stat().st_size for path in tmp_path.iterdir()
    )
    assert shares == pytest.approx([whole, 1.0, 1.0], rel=0.01)
    reading = dump.Reading()
    for _ in dump.chunks(["-"], reading, io.BytesIO(text.encode())):
        assert reading.share is None


def test_a_snapshot_tells_its_share_by_what_the_server_counts(tmp_path: Path) -> None:
    """Of all namespaces the first page says how many follow; each of several is a part of the whole."""
    whole: list[tuple[float | None, int]] = []
    parts: list[tuple[float | None, int]] = []
    with ApiServer() as server:
        filled(server, 10)
        filled(server, 2, namespace="other")
        taken(server, tmp_path / "all", tell=lambda *one: whole.append(one))
        taken(server, tmp_path / "two", "shop", "other", tell=lambda *one: parts.append(one))
    # Pages of three, two of which are read ahead and not counted yet.
    assert whole == [(0.0, 0), (0.0, 0), (0.25, 3), (0.5, 6), (1.0, 12)]
    assert parts == [(0.0, 0), (0.0, 0), (0.15, 3), (0.3, 6), (0.5, 10), (1.0, 12)]


def test_sealing_tells_the_share_of_all_days(tmp_path: Path) -> None:
    """Days count alike, and a day is done when its last group is written."""
    told: list[tuple[float | None, int]] = []
    lake = lakes.empty(LocalFiles(tmp_path))
    for day in ("2026-11-20", "2026-11-21"):
        lakes.add(
            lake,
            "one",
            tables.observations(f"""
            uid | n | last_seen
            a   | 1 | {day} 08:00
            b   | 1 | {day} 09:00
            """),
        )
    lakes.sealed(lake, NOW, tell=lambda *one: told.append(one))
    assert [count for _share, count in told] == [0, 0, 0, 2, 2, 2, 2, 4]
    shares = [share for share, _count in told if share is not None]
    assert shares == sorted(shares)
    assert (shares[3], shares[7]) == (0.5, 1.0)


def test_a_page_says_which_report_it_is_at(tmp_path: Path) -> None:
    """Each report is named before it is asked, in the page's order."""
    begun: list[str] = []
    with session(lakes.empty(LocalFiles(tmp_path))) as opened:
        page.build(
            opened,
            window=Window(NOW - timedelta(days=1), NOW),
            timezone=parse_zone("UTC"),
            language="en",
            title="",
            generated_at=NOW,
            begin=begun.append,
        )
    assert begun[0] == "daily_summary"
    assert sorted(begun) == sorted(catalogue())


def test_a_statement_tells_its_share_while_it_runs() -> None:
    """DuckDB's own estimate, again and again, until the statement ends."""
    told: list[float] = []

    def tell(share: float) -> None:
        told.append(share)
        if len(told) == 3:
            raise KeyboardInterrupt

    with Session() as opened:
        opened.tell = tell
        with pytest.raises(KeyboardInterrupt):
            opened.run(ENDLESS, {})
    assert all(0 <= share <= 1 for share in told)

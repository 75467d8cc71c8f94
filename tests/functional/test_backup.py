"""The commands of docs/operations.md that copy a lake, while runs write to it: the copy is a lake, and goes on as one."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from datetime import timedelta
from pathlib import Path

from tests.lib import lake_jobs
from tests.lib.commandline import NOW, eventlake, rows
from tests.lib.lake_jobs import LATER

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"


def _block(heading: str) -> str:
    """Return the first shell block below a heading of the page."""
    section = PAGE.read_text("utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    found = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert found
    return found[1]


def _shell(script: str, **environ: str) -> None:
    done = subprocess.run(
        ["/bin/sh", "-euc", script], env={**os.environ, **environ}, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


def test_a_copy_that_is_taken_while_runs_write_is_a_lake(tmp_path: Path) -> None:
    """Whatever is sealed and written meanwhile, each copy holds all that its ledger promises."""
    lake = tmp_path / "lake"
    lake_jobs.import_lists(str(lake), "base", 0)
    over = threading.Event()

    def work() -> None:
        run = 0
        while not over.is_set():
            lake_jobs.import_lists(str(lake), f"run{run}", 1 + run % (lake_jobs.LISTS - 1))
            lake_jobs.seal(str(lake), "", LATER + timedelta(days=run))
            run += 1

    writer = threading.Thread(target=work)
    writer.start()
    try:
        looked = []
        for number in range(12):
            copy = tmp_path / f"copy{number}"
            _shell(
                _block("Back up and restore"),
                LAKE=str(lake),
                BACKUP=f"{copy}.tar",
                RESTORED=str(copy),
            )
            looked.append(copy)
    finally:
        over.set()
        writer.join()
    told = [lake_jobs.look(str(copy)) for copy in looked]
    assert all(told)
    assert len({one.parts for one in told if one} | {len(one.runs) for one in told if one}) > 2


def test_a_restored_lake_goes_on_from_where_it_was_copied(tmp_path: Path) -> None:
    """The doctor finds nothing wrong, and what was written since the copy comes again with the next import."""
    lake, copy = tmp_path / "lake", tmp_path / "restored"
    lake_jobs.import_lists(str(lake), "base", 0, 1)
    _shell(
        _block("Back up and restore"),
        LAKE=str(lake),
        BACKUP=f"{tmp_path}/b.tar",
        RESTORED=str(copy),
    )
    lake_jobs.import_lists(str(lake), "later", 2)
    assert eventlake("--lake", copy, "doctor", now=NOW).code == 0
    lake_jobs.import_lists(str(copy), "again", 2)
    asked = "select * exclude (snapshot_id) from events order by all"
    assert rows(copy, asked) == rows(lake, asked)

"""A session shows one moment of a lake, while other processes write."""

from __future__ import annotations

from pathlib import Path

from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from etl.lake.query import session
from tests.lib import lake_jobs


class Interrupted(LocalFiles):
    """Files during each first listing of a tree of which another run comes to its end."""

    def __init__(self, root: Path, tree: str) -> None:
        """Let the run end after ``tree`` was listed."""
        super().__init__(root)
        self._tree = tree

    def list(self, prefix: str) -> list[str]:
        """List, and then let the other run end."""
        found = super().list(prefix)
        if prefix == self._tree:
            self._tree = ""
            lake_jobs.import_lists(self.root, "other", 1)
        return found


def test_a_run_that_ends_while_a_session_opens_is_not_promised_without_its_states(
    tmp_path: Path,
) -> None:
    """Whatever was listed last, each run that the ledger shows has its states in the answers."""
    for tree in ("days", "parts", "snapshots"):
        folder = tmp_path / tree
        lake_jobs.import_lists(str(folder), "base", 0)
        with session(Lake(Interrupted(folder, tree))) as opened:
            runs = opened.run("select snapshot_id as id from snapshots order by id", {}).to_pylist()
            stored = opened.run("select uid, n from observations order by uid, n", {}).to_pylist()
        states = {(row["uid"], row["n"]) for row in stored}
        assert lake_jobs.states(0) <= states
        assert len(runs) == 1 or lake_jobs.states(1) <= states

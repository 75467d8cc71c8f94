"""Keeps pandas out of a process that does not use it: a second less for each run of a CronJob.

pyarrow asks whether pandas is there by importing it, at the first array made from a
list (pyarrow 26, ``_PandasAPIShim``): 1.0 s and 60 MB, measured, for jobs that never
touch a DataFrame. No command of eventlake does; notebooks, which do, are other processes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder


class _NoPandas(MetaPathFinder):
    """Says that there is no pandas."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:  # noqa: ARG002
        """Refuse pandas, leave everything else to the other finders."""
        if fullname == "pandas":
            message = "pandas is not wanted in this process"
            raise ModuleNotFoundError(message)


@contextmanager
def without_pandas() -> Iterator[None]:
    """Let nothing import pandas meanwhile; one that is imported already stays."""
    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)

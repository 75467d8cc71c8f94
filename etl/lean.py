"""Keeps out of a process what only costs it time: half a second less for each run of a CronJob.

Measured with pyarrow 26, numpy 2.4, pandas 3.0 and kubernetes 37:

- pyarrow asks whether pandas is there by importing it, at the first array made from a
  list: 1.0 s and 60 MB. It takes numpy if it is there: 40 ms, 11 MB, and a thread of
  OpenBLAS for every core, which spins for 0.1 s. No command of eventlake uses either;
  notebooks, which do, are other processes.
- the kubernetes package imports all its parts at once: 60 ms more than its configuration
  and its client.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.util import find_spec, module_from_spec

_UNUSED = frozenset({"numpy", "pandas"})


class _Absent(MetaPathFinder):
    """Says that numpy and pandas are not there."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:  # noqa: ARG002
        """Refuse them, leave everything else to the other finders."""
        if fullname in _UNUSED:
            message = f"{fullname} is not wanted in this process"
            raise ModuleNotFoundError(message, name=fullname)


@contextmanager
def without_numpy() -> Iterator[None]:
    """Let nothing import numpy and pandas meanwhile; what is imported already stays."""
    finder = _Absent()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


@contextmanager
def only_parts_of(package: str) -> Iterator[None]:
    """Let modules of ``package`` be imported meanwhile without what its ``__init__`` imports."""
    spec = None if package in sys.modules else find_spec(package)
    if spec is None:
        # Imported already, or not installed: the import itself says so.
        yield
        return
    sys.modules[package] = module_from_spec(spec)
    try:
        yield
    finally:
        # Whoever imports the package itself later gets it whole, with the same modules.
        del sys.modules[package]

"""``python -m etl`` and the ``eventlake`` command."""

from __future__ import annotations

import gc
import signal
import sys

from etl.cli import Terminated, main

# New objects, then collections of the younger generations, between two looks for garbage.
_SELDOM = (100_000, 50, 50)


def entrypoint() -> None:
    """Run the command line and leave with its exit code."""
    # As the first process of a container it would not be ended by SIGTERM otherwise, but
    # half a minute later by SIGKILL, with its temporary files left in the lake.
    signal.signal(signal.SIGTERM, _terminate)
    # Imports make half a million objects, and all of them stay: to look through them for
    # garbage meanwhile, and three times more at the end, takes a tenth of a snapshot.
    gc.set_threshold(*_SELDOM)
    code = main()
    if "duckdb" not in sys.modules:
        # DuckDB's binding (2.0) complains of every object of its own that is left over.
        gc.freeze()
    sys.exit(code)


def _terminate(*_: object) -> None:
    raise Terminated


if __name__ == "__main__":
    entrypoint()

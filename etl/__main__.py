"""``python -m etl`` and the ``eventlake`` command."""

from __future__ import annotations

import sys

from etl.cli import main


def entrypoint() -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(main())


if __name__ == "__main__":
    entrypoint()

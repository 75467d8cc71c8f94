"""eventlake: the history, analysis and alerting of Kubernetes events.

    import etl
    lake = etl.open("out/lake")
    lake.report("top_reasons", since="24h")

The rooms, in the order in which the data passes them: ``source`` reads events
from a cluster or a dump, ``lake`` keeps them, ``reports`` and ``alerts`` answer
from it, ``wire`` speaks to the outside. ``pipeline`` puts the steps in order. The world
is met in two places only: ``cli`` and ``api`` read the environment and the clock, and
``cli`` the arguments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from etl.api import Lake

__version__ = "0.1.0"


def open(  # noqa: A001 -- as in gzip.open: it is called etl.open
    lake: str | os.PathLike[str],
    *,
    cluster: str | None = None,
    timezone: str | None = None,
    config: str | os.PathLike[str] | None = None,
    reports: Iterable[str | os.PathLike[str]] = (),
    now: datetime | str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Lake:
    """Open the lake in a folder or an object store (``s3://``, ``gs://``, ``az://``) for reading.

    ``cluster`` limits every answer to one cluster. ``timezone`` is an IANA name in which days
    and hours are cut and times are shown. ``config`` is a configuration file as the command line
    takes it: timezone, object store, folders of reports, rules and limits of SQL come from it.
    ``reports`` are more folders with reports of one's own. ``now`` is where ``since`` counts from:
    a moment, or ``"newest"`` for the newest list or event in the lake, as befits a dump or a sample; the
    clock is asked only where it is not given. ``environ`` stands for the environment.

    Raises ``etl.errors.LakeError`` if there is no lake, ``ConfigError`` with every mistake of the
    configuration, and ``UsageError`` for an unknown timezone or cluster.
    """
    from etl.api import Lake  # noqa: PLC0415 -- `import etl` is part of every start: pandas and DuckDB only here

    return Lake(
        lake,
        cluster=cluster,
        timezone=timezone,
        config=config,
        reports=reports,
        now=now,
        environ=environ,
    )

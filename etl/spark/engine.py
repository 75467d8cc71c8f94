"""The usual configuration of Spark to a session of it: local, or on the cluster that it names.

pyspark is imported here, when somebody asks for this engine: it comes with the extra
``spark``, and wants Java beside it, or a server to speak to (``SPARK_REMOTE``).
"""

from __future__ import annotations

import logging
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from etl import lean
from etl.errors import UsageError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# What answers rest upon, whatever a cluster has set for others.
_MEANT = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_LTZ",
    # A sum that does not fit stops the statement instead of being null.
    "spark.sql.ansi.enabled": "true",
    "spark.sql.caseSensitive": "false",
    "spark.sql.groupByAliases": "true",
    "spark.sql.parser.escapedStringLiterals": "false",
    # Each file of a lake is named, so there is nothing to discover: a job for that takes longer.
    "spark.sql.sources.parallelPartitionDiscovery.threshold": "2000",
}

_PARTS = "spark.sql.shuffle.partitions"
_PARTS_PER_PROCESSOR = 4


def started(environ: Mapping[str, str]) -> SparkSession:
    """Return a Spark session of our own, with views that nobody else sees; the JVM is started once a process.

    Raises ``UsageError`` where pyspark, sqlglot or Java is missing.
    """
    lean.with_numpy()
    try:
        import sqlglot  # noqa: F401, PLC0415 -- an extra; said here before a statement needs it
        from pyspark.errors import PySparkException, PySparkRuntimeError  # noqa: PLC0415
        from pyspark.sql import SparkSession  # noqa: PLC0415
    except ImportError as error:
        message = (
            "--engine spark needs the extra spark: pip install 'eventlake[spark]'"
            f" ({error.name or error} is missing)"
        )
        raise UsageError(message) from error
    remote = environ.get("SPARK_REMOTE")
    if not remote and not _java(environ):
        message = (
            "--engine spark needs Java 17 or newer: install it (Debian, Ubuntu: apt install"
            " openjdk-17-jre-headless), say where it is in JAVA_HOME, or name a Spark Connect"
            " server in SPARK_REMOTE"
        )
        raise UsageError(message)
    # Only its Arrow is used; pandas is asked for its version and nothing else.
    warnings.filterwarnings(
        "ignore", message="PySpark does not yet fully support pandas", category=FutureWarning
    )
    # What it says is told once, as our error.
    for name in ("py4j", "pyspark", "SQLQueryContextLogger", "DataFrameQueryContextLogger"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    builder = SparkSession.builder.appName("eventlake")
    try:
        if remote:
            made = builder.remote(remote).create()
        else:
            shared = (
                builder.config("spark.ui.showConsoleProgress", "false")
                .config("spark.log.level", "ERROR")
                .getOrCreate()
            )
            made = shared.newSession()
            context = shared.sparkContext
            if (context.master or "").startswith("local") and not context.getConf().contains(
                _PARTS
            ):
                # 200, as Spark has it for clusters, is a minute of empty tasks on one machine.
                made.conf.set(_PARTS, str(_PARTS_PER_PROCESSOR * context.defaultParallelism))
        for name, value in _MEANT.items():
            made.conf.set(name, value)
    except (PySparkException, PySparkRuntimeError) as error:
        message = f"Spark cannot be started: {str(error).splitlines()[0]}"
        raise UsageError(message) from error
    return made


def with_our_python(spark: SparkSession, executable: str) -> None:
    """Let tasks on this machine run in the Python that we run in; on a cluster ``PYSPARK_PYTHON`` says which."""
    context = getattr(spark, "_sc", None)
    if context is not None and (context.master or "").startswith("local"):
        context.pythonExec = executable


def _java(environ: Mapping[str, str]) -> bool:
    home = environ.get("JAVA_HOME")
    if home:
        return Path(home, "bin", "java").is_file()
    return shutil.which("java", path=environ.get("PATH")) is not None

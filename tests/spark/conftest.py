"""One Spark for all tests: a driver and two workers, each a process with one processor and a gigabyte.

``make test-spark`` starts these tests; the ordinary run leaves them out. Where Java is
missing they fail and say so.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pyspark
import pytest

from etl.spark import engine
from tests.lib.engines import Lakes

# A process that lives for two minutes spends half of them on making itself faster.
_QUICK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
_SETTINGS = {
    # Nothing here is large: what takes time is code that is made for each query, and empty tasks.
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.adaptive.enabled": "false",
    "spark.driver.extraJavaOptions": _QUICK,
    "spark.executor.extraJavaOptions": _QUICK,
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.executorEnv.PYTHONPATH": str(Path(__file__).parents[2]),
}


@pytest.fixture(scope="session")
def environ(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """The environment in which Spark is a cluster of two workers on this machine."""
    home = tmp_path_factory.mktemp("spark")
    # Workers write below SPARK_HOME: this one is a folder of links, and not the environment's own.
    for path in Path(pyspark.__file__).parent.iterdir():
        (home / path.name).symlink_to(path)
    words = " ".join(f"--conf '{name}={value}'" for name, value in _SETTINGS.items())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_HOME", str(home))
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.setenv(
            "PYSPARK_SUBMIT_ARGS", f"--master local-cluster[2,1,1024] {words} pyspark-shell"
        )
        spark = engine.started(os.environ)
        assert "local-cluster" in str(spark.sparkContext.master)
        yield dict(os.environ)
        spark.sparkContext.stop()


@pytest.fixture(scope="session")
def asked(tmp_path_factory: pytest.TempPathFactory, environ: Mapping[str, str]) -> Iterator[Lakes]:
    """The lakes with a session of each engine."""
    with ExitStack() as stack:
        yield Lakes(tmp_path_factory.mktemp("lakes"), environ, stack)

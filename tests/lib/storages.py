"""Where lakes of tests are: folders, and prefixes of a bucket, each empty and with a name that asks for trouble."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from etl.lake.files import Files
from etl.lake.folders import LocalFiles
from tests.lib.stores import ENVIRON, Store

# A path, a glob, SQL and an address would each read this in a way of their own.
_NAME = "la'ke [1] %20"


@dataclass(frozen=True)
class Storages:
    """Makes storages of one kind."""

    make: Callable[[], Files]
    """Return an empty one."""
    environ: Mapping[str, str]
    """What a command needs beside ``--lake`` and the storage's ``root``."""


def folders(new_folder: Callable[[], Path]) -> Storages:
    """Make folders that are not there yet, each below a new one."""
    return Storages(lambda: LocalFiles(new_folder() / _NAME), {})


@contextmanager
def buckets() -> Iterator[Storages]:
    """Make prefixes of one bucket in a store on loopback."""
    numbers = itertools.count()
    with Store() as store:
        reach = {**ENVIRON, "AWS_ENDPOINT_URL": store.url, "AWS_ALLOW_HTTP": "true"}
        yield Storages(lambda: store.files(f"{_NAME}/{next(numbers)}"), reach)

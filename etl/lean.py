"""Keeps out of a process what only costs it time: half a second less for each run of a CronJob.

Measured with pyarrow 26, numpy 2.4, pandas 3.0 and kubernetes 37:

- pyarrow asks whether pandas is there by importing it, at the first array made from a
  list: 1.0 s and 60 MB. It takes numpy if it is there: 40 ms, 11 MB, and a thread of
  OpenBLAS for every core, which spins for 0.1 s. No command of eventlake uses either;
  notebooks, which do, are other processes.
- the kubernetes package imports all its parts at once: 150 ms more than its reading of
  credentials and its settings of TLS, which are all that a snapshot needs of it. Of that
  30 ms are for the renewal of OIDC tokens, which hardly anybody needs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

_UNUSED = frozenset({"numpy", "pandas"})


class _Absent(MetaPathFinder):
    """Says that numpy and pandas are not there."""

    refused = _UNUSED

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:  # noqa: ARG002
        """Refuse them, leave everything else to the other finders."""
        if fullname in self.refused:
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


def with_numpy() -> None:
    """Let both be imported again in this process: for a library that goes nowhere without, such as pyspark."""
    for finder in sys.meta_path:
        if isinstance(finder, _Absent):
            finder.refused = frozenset()


@contextmanager
def only_parts_of(package: str) -> Iterator[ModuleType]:
    """Let modules of ``package`` be imported meanwhile without what its ``__init__`` imports.

    Yields the package as they see it, to which what they need of it can be added.
    """
    spec = None if package in sys.modules else find_spec(package)
    if spec is None:
        # Imported already, or not installed: the import itself says so.
        yield sys.modules.get(package, ModuleType(package))
        return
    with _in_place_of(package, module_from_spec(spec)) as bare:
        # Whoever imports the package itself later gets it whole, with the same modules.
        yield bare


@contextmanager
def only_when_used(*names: str) -> Iterator[None]:
    """Let others import the modules ``names`` meanwhile, but not before they use something of them."""
    with ExitStack() as stack:
        for name in names:
            if name not in sys.modules:
                stack.enter_context(_in_place_of(name, _Later(name)))
        yield


class _Later(ModuleType):
    """Stands for a module until something of it is called or looked at."""

    def __getattr__(self, name: str) -> object:
        """Return what stands for ``name`` of the module; dunder names are asked for by imports."""
        if name.startswith("__"):
            raise AttributeError(name)
        return Part(self.__name__, name)


class Part:
    """Stands for a part of a module: the module is imported at the first use."""

    def __init__(self, module: str, name: str) -> None:
        """Stand for ``name`` of ``module``."""
        self._module = module
        self._name = name

    def __call__(self, *args: object, **options: object) -> object:
        """Call it."""
        return self._found()(*args, **options)

    def __getattr__(self, name: str) -> object:
        """Look at it."""
        return getattr(self._found(), name)

    def _found(self) -> Any:  # noqa: ANN401 -- anything that a module may hold
        module = import_module(self._module)
        if hasattr(module, self._name):
            return getattr(module, self._name)
        return import_module(f"{self._module}.{self._name}")


@contextmanager
def _in_place_of(name: str, module: ModuleType) -> Iterator[ModuleType]:
    sys.modules[name] = module
    try:
        yield module
    finally:
        del sys.modules[name]

"""How much an archive may hold: what is read is counted, and a bomb is refused before it goes off.

Nothing of an archive is ever written to a path that it names, so it cannot overwrite anything;
what it can do is to be endless. One allowance counts for a whole import, with all archives
within archives.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field

from etl.config.settings import Imports
from etl.errors import HostileArchiveError

_GIB = 1024**3
# Below this a ratio says nothing: a megabyte of one repeated event packs to a kilobyte.
_RATIO_FROM = 256 * 1024 * 1024


@dataclass(slots=True)
class Allowance:
    """What of the limits is used up; ``limits`` are the settings ``imports``."""

    limits: Imports = field(default_factory=Imports)
    unpacked: int = 0
    entries: int = 0

    def entry(self, name: str) -> None:
        """Count one entry of the archive ``name``; raises ``HostileArchiveError`` beyond the limit."""
        self.entries += 1
        if self.entries > self.limits.max_entries:
            raise HostileArchiveError(
                f"{name} is refused: it holds more than {self.limits.max_entries:,} entries (imports.max_entries)"
            )

    def enter(self, name: str, depth: int) -> None:
        """Go into an archive that lies ``depth`` archives deep; raises ``HostileArchiveError`` beyond the limit."""
        if depth > self.limits.max_depth:
            raise HostileArchiveError(
                f"{name} is refused: archives within archives lie deeper than {self.limits.max_depth} (imports.max_depth)"
            )

    def claim(self, name: str, size: int) -> None:
        """Look at what an entry says of its size, before any of it is read."""
        if self.unpacked + size > self.limits.max_unpacked_gb * _GIB:
            raise HostileArchiveError(
                f"{name} is refused: it unpacks to more than {self.limits.max_unpacked_gb:,} GiB (imports.max_unpacked_gb)"
            )

    def read(self, name: str, size: int) -> None:
        """Count ``size`` bytes that were unpacked; raises ``HostileArchiveError`` beyond the limit."""
        self.claim(name, size)
        self.unpacked += size

    def ratio(self, name: str, unpacked: int, packed: int) -> None:
        """Compare what came out of a compressed stream with what went in."""
        if unpacked > _RATIO_FROM and unpacked > packed * self.limits.max_ratio:
            raise HostileArchiveError(
                f"{name} is refused: it unpacks to more than {self.limits.max_ratio:,} times its size (imports.max_ratio)"
            )


class Unpacked(io.RawIOBase):
    """A stream of unpacked bytes that counts them, and how many of the packed ones they took."""

    def __init__(
        self, name: str, inner: io.BufferedIOBase, packed: Packed, allowance: Allowance
    ) -> None:
        """Read ``inner``, which itself reads ``packed``."""
        super().__init__()
        self._name = name
        self._inner = inner
        self._packed = packed
        self._allowance = allowance
        self._read = 0

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # the stub's Buffer
        """Fill ``buffer`` as far as it goes; raises ``HostileArchiveError`` beyond a limit."""
        data = self._inner.read(len(buffer))
        size = len(data)
        buffer[:size] = data
        self._read += size
        self._allowance.read(self._name, size)
        self._allowance.ratio(self._name, self._read, self._packed.count)
        return size


class Packed(io.RawIOBase):
    """A stream of packed bytes that counts them."""

    def __init__(self, inner: io.BufferedIOBase) -> None:
        """Read ``inner``."""
        super().__init__()
        self._inner = inner
        self.count = 0

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # the stub's Buffer
        """Fill ``buffer`` as far as it goes."""
        data = self._inner.read(len(buffer))
        buffer[: len(data)] = data
        self.count += len(data)
        return len(data)

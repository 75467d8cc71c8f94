"""Where a lake is to what opens it: a folder or a bucket, here or in another process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from etl.config.settings import Storage
from etl.lake.files import Files


@dataclass(frozen=True, slots=True)
class Address:
    """A lake's place as somebody wrote it, and what a client of its store needs; can be sent to another process."""

    path: str
    storage: Storage = field(default_factory=Storage)
    environ: Mapping[str, str] = field(default_factory=dict)

    def files(self) -> Files:
        """Open it; raises ``UsageError`` or ``LakeError``; asks a store nothing."""
        if "://" in self.path:
            from etl.lake.objects import ObjectFiles  # noqa: PLC0415 -- obstore only for stores

            return ObjectFiles.at(self.path, self.storage, self.environ)
        from etl.lake.folders import LocalFiles  # noqa: PLC0415 -- one of the two

        return LocalFiles(Path(self.path).expanduser())

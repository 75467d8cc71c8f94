"""A written file to its name, if that is free: by a hard link, or where there are none, by taking the name first."""

from __future__ import annotations

import errno
import os
from pathlib import Path

# What a file system says that has no hard links, as SMB and many on FUSE.
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


def name_exclusively(written: Path, target: Path) -> None:
    """Let ``written``, in the same folder, be ``target`` too; raises ``FileExistsError`` if that is taken.

    Without hard links an empty file takes the name, exclusively, and ``written`` is
    renamed over it. What a kill between the two leaves is an empty file: damaged, named
    and left out like any other.
    """
    try:
        os.link(written, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
    else:
        return
    target.open("xb").close()
    try:
        written.rename(target)
    except OSError:
        # The name is ours, and nothing will come under it.
        target.unlink(missing_ok=True)
        raise

"""A lake to whether a run can work with it: read, written, created exclusively, with room for more."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from etl.checkup.checked import Checked, fail, ok, warn
from etl.errors import LakeError
from etl.lake.layout import TREES, Lake, clusters_of

_CODE = LakeError.exit_code
_PROBES = "_probe"
_MIB = 1024 * 1024
# A snapshot of 100,000 new events is 10 MB; sealing writes a day a second time.
_TOO_LITTLE, _LITTLE = 100 * _MIB, 1024 * _MIB


def examined(lake: Lake) -> Iterator[Checked]:
    """Yield what can be done with the lake; a small file is written for it and deleted."""
    yield _marked(lake)
    yield _written(lake)
    yield _exclusive(lake)
    if "://" not in lake.files.root:
        yield from _room(Path(lake.files.root))


def named(lake: Lake, cluster: str) -> Checked:
    """Say whether the lake knows the cluster by this name."""
    if not cluster:
        advice = "set cluster: in the configuration, --cluster or EVENTLAKE_CLUSTER"
        return fail("cluster's name", "nothing tells it", advice, code=2)
    try:
        known = clusters_of(lake.ledger())
    except LakeError as error:
        return fail("cluster's name", str(error), "see the lake", code=_CODE)
    if not known or cluster in known:
        return ok("cluster's name", f"{cluster}, {'known to the lake' if known else 'new'}")
    detail = f"{cluster} is not in the lake, which holds {', '.join(known[:3])}"
    return warn(
        "cluster's name", detail, "keep one name for one cluster: it is part of the history"
    )


def _marked(lake: Lake) -> Checked:
    try:
        if not any(lake.files.list(tree) for tree in TREES):
            detail = f"{lake.files.root}: there is nothing in it yet"
            return warn("lake", detail, "the first run fills it")
        lake.check()
    except LakeError as error:
        advice = "see docs/operations.md, exit code 4, and eventlake doctor"
        return fail("lake", str(error), advice, code=_CODE)
    return ok("lake", lake.files.root)


def _written(lake: Lake) -> Checked:
    path, data = f"{_PROBES}/{secrets.token_hex(8)}", b"eventlake doctor"
    subject = "write, read, delete"
    try:
        lake.files.write(path, data)
        same = lake.files.read(path) == data
        lake.files.delete(path)
    except (LakeError, FileNotFoundError) as error:
        advice = "check permissions, the volume's mode and the store's policy"
        return fail(subject, str(error), advice, code=_CODE)
    if not same:
        advice = "another storage: what was written is not what is read"
        return fail(subject, "another content came back", advice, code=_CODE)
    return ok(subject, "allowed")


def _exclusive(lake: Lake) -> Checked:
    """Say whether of two runs that create the same file one is refused."""
    subject = "exclusive create"
    path = f"{_PROBES}/{secrets.token_hex(8)}"
    try:
        first, second = lake.files.create(path, b"1"), lake.files.create(path, b"2")
        lake.files.delete(path)
        honoured = lake.files.exclusive()
        lake.files.tidy(_PROBES)
    except LakeError as error:
        advice = "check permissions, the volume's mode and the store's policy"
        return fail(subject, str(error), advice, code=_CODE)
    if first and not second and honoured:
        return ok(subject, "honoured")
    advice = (
        "upgrade the store or move the lake: no day is sealed, and two runs may send a digest twice"
    )
    return warn(subject, "the second of two was not refused", advice)


def _room(root: Path) -> Iterator[Checked]:
    try:
        usage = shutil.disk_usage(root)
    except OSError as error:
        # The lines above have said what is wrong with the folder.
        yield warn("free space", error.strerror or str(error), "see the lake")
        return
    detail = f"{usage.free / _MIB:,.0f} MiB of {usage.total / _MIB:,.0f}"
    if usage.free < _TOO_LITTLE:
        yield fail(
            "free space", detail, "enlarge the volume, or set retention.keep_days", code=_CODE
        )
    elif usage.free < _LITTLE:
        yield warn("free space", detail, "enlarge the volume, or set retention.keep_days")
    else:
        yield ok("free space", detail)

"""What kind of bundle a set of paths is, and which of its files hold events.

A bundle is known by where its tool puts events, and then files that are not called after
events need not be read: most of a must-gather are logs. What is no known bundle is searched
whole, because a folder of dumps may call them anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

# Where each tool writes its events.
_MARKS = {
    "must-gather or oc adm inspect": re.compile(r"(^|/)namespaces/[^/]+/core/events\.ya?ml$"),
    "troubleshoot.sh support bundle": re.compile(r"(^|/)cluster-resources/events/[^/]+\.json$"),
    "Rancher or Longhorn support bundle": re.compile(
        r"(^|/)yamls/namespaced/[^/]+/(v1|kubernetes|events\.k8s\.io/v1)/events\.ya?ml$"
    ),
    "sonobuoy results": re.compile(
        r"(^|/)resources/ns/[^/]+/(Events|core_v1_events|events\.k8s\.io_v1\w*_events)\.json$"
    ),
}
# kubectl cluster-info dump: a folder for each namespace with its lists.
_FOLDER_OF_LISTS = re.compile(r"^(.*/)?events\.(json|ya?ml)$")
_PACKED = (".gz", ".zst")
_DUMPS = (".json", ".jsonl", ".ndjson", ".yaml", ".yml")
_ARCHIVES = (".tar", ".tgz", ".tar.gz", ".tar.zst", ".tzst", ".zip")
_AFTER_EVENTS = re.compile(r"events?($|[^a-z])")


def kind(paths: Iterable[str]) -> str | None:
    """Return what kind of bundle has these ``paths`` (with slashes); null if none that is known."""
    lists: set[str] = set()
    others: set[str] = set()
    for path in paths:
        bare = without_packing(path)
        for name, mark in _MARKS.items():
            if mark.search(bare):
                return name
        if found := _FOLDER_OF_LISTS.match(bare):
            lists.add(found[1] or "")
        folder, _, name = bare.rpartition("/")
        if name.startswith(("pods.", "replication-controllers.")):
            others.add(folder + "/" if folder else "")
    return "kubectl cluster-info dump" if lists & others else None


def is_archive(path: str) -> bool:
    """Whether a file is called as archives are."""
    return path.lower().endswith(_ARCHIVES)


def is_dump(path: str) -> bool:
    """Whether a file is called as dumps of events may be: JSON or YAML, packed or not."""
    return without_packing(path).lower().endswith(_DUMPS)


def holds_events(path: str) -> bool:
    """Whether a file of a known bundle is called after events, itself or one of its folders."""
    return is_dump(path) and any(
        _AFTER_EVENTS.search(part.lower()) for part in without_packing(path).split("/")
    )


def without_packing(path: str) -> str:
    """Return the path as it was before it was packed."""
    lower = path.lower()
    packing = next((suffix for suffix in _PACKED if lower.endswith(suffix)), "")
    return path[: len(path) - len(packing)]

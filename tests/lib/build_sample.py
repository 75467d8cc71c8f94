"""Makes the embedded sample: the lists of tests/data/events to the files of etl/source/sample.

    python -m tests.lib.build_sample

The lists of one collection (a bundle holds one per namespace) are joined in the order
of their files; items stay as published, only the spaces between them go. PLACED says
what is taken and where it is placed; a new list is added there, with a row in
NOTICE.md. The output depends on nothing but this file and the fixtures.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from etl.timespan import Duration, rfc3339
from tests.lib import fixtures

SAMPLE = Path(__file__).parent.parent.parent / "etl" / "source" / "sample"
RULE = (
    "anchor = now rounded down to 5 minutes; each list is moved as a whole, by the one constant "
    "anchor - before - collected_at"
)
CHANGES = (
    "items are as published, in their order; the lists of one collection are joined into one, "
    "list metadata and spaces between tokens are left out"
)
MAIN, BATCH = "sample", "sample-batch"
_TROUBLESHOOT = "replicatedhq-troubleshoot"
_BASELINE = "test/baselines/supportbundle/baseline.tar.gz"
_NEWEST = "newest time in the list, rounded up to a second"


@dataclass(frozen=True)
class Repository:
    """A source: where it was published and under which licence."""

    address: str
    licence: str = "Apache-2.0"


REPOSITORIES = {
    "chris-sanders-troubleshoot-mcp-server": Repository(
        "github.com/chris-sanders/troubleshoot-mcp-server"
    ),
    "craig8-blockchain-automation-framework": Repository(
        "github.com/craig8/blockchain-automation-framework"
    ),
    "jgyy-ckad": Repository("github.com/jgyy/ckad", "Unlicense"),
    "replicatedhq-sbctl": Repository("github.com/replicatedhq/sbctl"),
    _TROUBLESHOOT: Repository("github.com/replicatedhq/troubleshoot"),
    "vmware-tanzu-sonobuoy": Repository("github.com/vmware-tanzu/sonobuoy"),
}


@dataclass(frozen=True)
class Placed:
    """One list of the sample: what it is made of and where in time it is put.

    ``stamp`` is the time of collection where the bundle's name says it to the second;
    the tool writes local time, so the offset is the whole hour that puts it
    just after the newest event. Without one the newest time in the list is taken.
    """

    name: str
    cluster: str
    before: str
    source: str
    below: str
    revision: str
    path: str
    stamp: str = ""


def _baseline(stamp: str, before: str, blob: str) -> Placed:
    name = f"baseline-{stamp}"
    return Placed(name, MAIN, before, _TROUBLESHOOT, name, f"blob {blob}", _BASELINE)


# Oldest first, as after the shift. The eleven CI baselines are the ordinary days of the
# main cluster, every day of the last seven among them; what is worth a digest is in the last 24 hours.
PLACED = (
    _baseline("2025-10-06T2319", "13d4h", "b40e088af9c8cfd1012baf9f3c6498f223b5503a"),
    _baseline("2025-11-25T2121", "12d9h", "7ae1d60116db0dc52d88af4e6a98fe89ff701504"),
    _baseline("2025-11-25T2133", "11d2h", "f39e06b43c41342bed47005edc40289f5246dc5f"),
    Placed(
        "minikube-start",
        BATCH,
        "10d5h",
        "craig8-blockchain-automation-framework",
        "",
        "commit c5ddeb400981fbf436b00cd889d4d6544bf1d59d",
        "cluster-dump.txt",
    ),
    _baseline("2025-11-25T2152", "9d7h", "ddc69a7115fc0a266bd7e245309c26c1671da9ee"),
    _baseline("2025-11-25T2230", "7d2h", "06e95adaf1e2e160a10b9225facd32690b4b8ca8"),
    _baseline("2025-11-25T2239", "6d5h", "b58af0691213a40d09c4adcc1da0dde2807ce35e"),
    Placed(
        "sonobuoy-results-0.9",
        BATCH,
        "6d3h",
        "vmware-tanzu-sonobuoy",
        "results-0.9",
        "commit 307560188828ce124c575f60fcd30e8fb7cd45b7",
        "pkg/client/results/testdata/results-0.9.tar.gz",
    ),
    _baseline("2025-11-25T2315", "5d8h", "8b8922dd81192c779fca34ec422099bbcb311424"),
    Placed(
        "velero-crash-loop",
        BATCH,
        "4d8h",
        "replicatedhq-sbctl",
        "",
        "commit 40625c609e4b2c250e20afc4cbd9df677e353f80",
        "tests/support-bundle/cluster-resources/events",
    ),
    _baseline("2025-11-25T2346", "4d3h", "669d1298723a145a763337b144a673110b988b73"),
    _baseline("2025-11-26T0006", "3d6h", "5f37d8ce8a959dc60c363da9b910a2802eb11cd6"),
    _baseline("2025-11-27T0541", "2d10h", "95e841bc321602e5f517b63d7c996c0529668105"),
    _baseline("2025-12-10T1727", "1d14h", "4595fa5d9699b83f9e66d0f442e819b33450737b"),
    Placed(
        "cert-manager-install",
        MAIN,
        "1d6h",
        "chris-sanders-troubleshoot-mcp-server",
        "",
        "commit a0bf5fdf7639e98bc1c41f496e638ab348a05f58",
        "tests/fixtures/support-bundle-2025-04-11T14_05_31.tar.gz",
        stamp="2025-04-11T14:05:31-05:00",
    ),
    Placed(  # keeps its real distance to image-pull-fail: 23 h 52 min 38 s, one cluster
        "container-creating-failed-mount",
        BATCH,
        "1d4h52m38s",
        _TROUBLESHOOT,
        "analyze-files-events/message-container-creating-failed-mount.json.gz",
        "commit dd07973d6fa71f8e19a29b169d7cd9df15ab9d68",
        "pkg/analyze/files/events/message-container-creating-failed-mount.json",
    ),
    Placed(
        "crash-and-oom",
        MAIN,
        "11h",
        _TROUBLESHOOT,
        "support-bundle-2025-08-09T21_08_25",
        "commit 6e08a811ef60f0ccdb92fa0762845ccbb1cc6141",
        "support-bundle-2025-08-09T21_08_25",
        stamp="2025-08-09T21:08:25-05:00",
    ),
    Placed(
        "sonobuoy-results-0.10",
        BATCH,
        "9h",
        "vmware-tanzu-sonobuoy",
        "results-0.10",
        "commit 307560188828ce124c575f60fcd30e8fb7cd45b7",
        "pkg/client/results/testdata/results-0.10.tar.gz",
    ),
    Placed(
        "support-bundle-2025-09-11",
        MAIN,
        "6h",
        _TROUBLESHOOT,
        "real-support-bundle-2025-09-11T15_54_39",
        "commit e155e4e47f12234d175edea93a682a90ee65b4c3",
        "real-support-bundles/support-bundle-2025-09-11T15_54_39",
        stamp="2025-09-11T15:54:39-05:00",
    ),
    Placed(
        "image-pull-fail",
        BATCH,
        "5h",
        _TROUBLESHOOT,
        "analyze-files-events/message-image-pull-fail.json.gz",
        "commit 43c03099986ea5dfbc06c2103e14729ad21d9252",
        "pkg/analyze/files/events/message-image-pull-fail.json",
    ),
    Placed(
        "support-bundle-2021-03-24",
        BATCH,
        "3m",
        _TROUBLESHOOT,
        "support-bundle-2021-03-24",
        "blob 06e916c9d3cdb5e36cdaa30581852b7aabfc9e5f",
        "support-bundle-2021-03-24T00_39_51.tar.gz",
        stamp="2021-03-24T00:39:51+00:00",
    ),
    Placed(  # the next one is the same cluster 21 s later, through the other API group
        "ckad-core",
        MAIN,
        "1m21s",
        "jgyy-ckad",
        "events.json.gz",
        "commit eee926c79f7aa06ad2719f74c1fadadd398fa41a",
        "default/events.yaml",
    ),
    Placed(
        "ckad-events",
        MAIN,
        "1m",
        "jgyy-ckad",
        "events.events.k8s.io.json.gz",
        "commit eee926c79f7aa06ad2719f74c1fadadd398fa41a",
        "default/events.events.k8s.io.yaml",
    ),
)


def build() -> dict[str, bytes]:
    """Return the sample's files by name: the lists uncompressed, and the manifest."""
    made, entries = {}, []
    for placed in PLACED:
        paths = fixtures.json_files(placed.source, placed.below)
        found = fixtures.items(paths)
        envelope = json.loads(fixtures.content(paths[0]))
        kind, version = envelope["kind"], envelope["apiVersion"]
        made[f"{placed.name}.json.gz"] = compact(
            {"kind": kind, "apiVersion": version, "metadata": {}, "items": found}
        )
        entries.append(_entry(placed, found))
    manifest = {"rule": RULE, "changes": CHANGES, "lists": entries}
    made["manifest.json"] = json.dumps(manifest, indent=1).encode() + b"\n"
    return made


def compact(value: object) -> bytes:
    """Encode ``value`` as JSON without spaces, keys in their order."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def checksum(items: list[dict[str, Any]]) -> str:
    """sha256 of ``items`` as JSON without spaces, keys sorted."""
    text = json.dumps(items, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def times(item: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every time of an event object with its place, written apart from the product's own list."""
    metadata = item["metadata"]
    yield "metadata.creationTimestamp", metadata["creationTimestamp"]
    for number, entry in enumerate(metadata.get("managedFields") or []):
        yield f"metadata.managedFields[{number}].time", entry["time"]
    if item.get("series"):
        yield "series.lastObservedTime", item["series"]["lastObservedTime"]
    for name in ("first", "last", "deprecatedFirst", "deprecatedLast"):
        if item.get(f"{name}Timestamp"):
            yield f"{name}Timestamp", item[f"{name}Timestamp"]
    if item.get("eventTime"):
        yield "eventTime", item["eventTime"]


def newest(items: list[dict[str, Any]]) -> datetime:
    """The newest time of ``items``, rounded up to a whole second."""
    moment = max(datetime.fromisoformat(text) for item in items for _, text in times(item))
    whole = moment.replace(microsecond=0)
    return whole if whole == moment else whole + timedelta(seconds=1)


def _entry(placed: Placed, items: list[dict[str, Any]]) -> dict[str, Any]:
    repository = REPOSITORIES[placed.source]
    moment = datetime.fromisoformat(placed.stamp) if placed.stamp else newest(items)
    assert Duration.parse(placed.before) > timedelta(0), placed.name
    return {
        "name": placed.name,
        "cluster": placed.cluster,
        "origin": {
            "repository": repository.address,
            "revision": placed.revision,
            "path": placed.path,
            "licence": repository.licence,
        },
        "collected_at": rfc3339(moment.astimezone(UTC)),
        "collected_by": f"the bundle's name, {placed.stamp}" if placed.stamp else _NEWEST,
        "before": placed.before,
        "items": len(items),
        "sha256": checksum(items),
    }


def main() -> None:
    """Write the sample anew; what PLACED no longer names is removed."""
    made = build()
    for old in SAMPLE.glob("*.json*"):
        old.unlink()
    for name, data in made.items():
        # mtime 0: the same input gives the same file.
        packed = gzip.compress(data, 9, mtime=0) if name.endswith(".gz") else data
        (SAMPLE / name).write_bytes(packed)


if __name__ == "__main__":
    main()

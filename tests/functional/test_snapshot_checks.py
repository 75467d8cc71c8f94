"""What a snapshot notices beside the one before it: kept in the ledger, told by the run."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.lib.apiserver import ApiServer
from tests.lib.commandline import NOW, ledger
from tests.lib.events import event
from tests.lib.snapshots import filled, snapshot

MINUTE = timedelta(minutes=1)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A lake that is not there yet."""
    return tmp_path / "lake"


def test_snapshots_in_time_find_nothing(lake: Path) -> None:
    """The manifest of an ordinary list is whole, names the list before, and no check fails."""
    with ApiServer() as server:
        filled(server, 8)
        snapshot(server, lake)
        server.now = NOW + 10 * MINUTE
        done = snapshot(server, lake, now=NOW + 10 * MINUTE)
    first, second = ledger(lake)
    assert (first["checks"], first["previous_id"], first["vanished"]) == ([], None, None)
    assert (first["compared"], second["compared"]) == ("lake", "cache")
    assert (second["checks"], second["previous_id"]) == ([], first["snapshot_id"])
    assert (second["expected_items"], second["vanished"], second["late_births"]) == (8, 0, 0)
    assert (second["interval_seconds"], second["ttl_seconds"]) == (600.0, 3600.0)
    assert first["sent_at"] <= first["first_received_at"] <= first["last_received_at"]
    assert [part.partition("/")[0] for part in first["parts"]] == ["2026-11-23"]
    assert second["parts"] == []
    assert "not" not in done.err


def test_a_late_snapshot_says_so(lake: Path) -> None:
    """A list that comes later than events live names the gap; the run goes on."""
    with ApiServer() as server:
        filled(server, 2)
        snapshot(server, lake)
        done = snapshot(server, lake, now=NOW + 70 * MINUTE)
    assert done.code == 0
    assert ledger(lake)[-1]["checks"] == ["contiguous"]
    assert "10m" in done.err
    assert "not proven" in done.err


def test_a_deleted_namespace_is_noticed(lake: Path) -> None:
    """Events that go before their time are counted by namespace, and what did not is not."""
    with ApiServer() as server:
        filled(server, 3)
        for number in range(2):
            server.add(event(f"job-{number}", at=NOW, namespace="ci"))
        snapshot(server, lake)
        for one in list(server.store.at().events):
            if one["metadata"]["namespace"] == "ci":
                server.delete(f"ci/{one['metadata']['name']}")
        snapshot(server, lake, now=NOW + 10 * MINUTE)
    row = ledger(lake)[-1]
    assert (row["vanished"], row["vanished_early"]) == (2, 2)
    assert dict(row["early_namespaces"]) == {"ci": 2}
    assert row["checks"] == ["early_loss"]


def test_a_restored_cluster_is_noticed(lake: Path) -> None:
    """A resourceVersion that went back is a warning, and a new epoch in the ledger."""
    with ApiServer() as server:
        filled(server, 9)
        snapshot(server, lake)
    with ApiServer() as restored:
        filled(restored, 2)
        lake.with_name("kubeconfig").unlink()
        done = snapshot(restored, lake, now=NOW + 10 * MINUTE)
    first, second = ledger(lake)
    assert (first["epoch"], second["epoch"]) == (0, 1)
    assert "version_went_back" in second["checks"]
    assert "restored from a backup" in done.err

"""``eventlake snapshot``: one LIST of a cluster into the lake."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from etl.commands.fleet import fleet_now, refuse_for_one
from etl.commands.forward import forward_now
from etl.commands.invocation import Invocation
from etl.commands.options import JITTER
from etl.commands.watched import watched
from etl.errors import ClusterError, UsageError
from etl.log import about

if TYPE_CHECKING:
    from etl.config.settings import Source
    from etl.lake.ledger import Entry
    from etl.source.listing import Lister
    from etl.source.live import Cluster


@click.command()
@click.option(
    "--kubeconfig", metavar="FILE", help="Kubeconfig; KUBECONFIG and ~/.kube/config otherwise."
)
@click.option("--context", metavar="NAME", help="Context of the kubeconfig.")
@click.option(
    "--namespace", "-n", "namespaces", multiple=True, help="Only this namespace; may be repeated."
)
@click.option("--page-size", type=click.IntRange(1), help="Events per page.")
@JITTER
@click.pass_obj
def snapshot(
    invocation: Invocation,
    kubeconfig: str | None,
    context: str | None,
    namespaces: tuple[str, ...],
    page_size: int | None,
    jitter: timedelta,
) -> None:
    """LIST the events of a cluster and append what is new.

    The cluster is the one of the kubeconfig's context, or, in a pod, the one it runs in. Where the
    configuration names several clusters, all of them are read unless --cluster picks one; a
    cluster that fails stops no other.
    """
    invocation = invocation.delayed(jitter)
    with watched(invocation, "snapshot", beats=True) as watch:
        if invocation.fleet:
            refuse_for_one(invocation, kubeconfig, context)
            outcomes = fleet_now(invocation, namespaces=namespaces, page_size=page_size)
            from etl.fleet import failure  # noqa: PLC0415 -- heavy imports only in the command that needs them

            _hand_on(invocation, invocation.fleet, failure(outcomes))
            return
        watch.cluster, _entry = snapshot_now(
            invocation,
            kubeconfig=kubeconfig,
            context=context,
            namespaces=namespaces,
            page_size=page_size,
        )
        _hand_on(invocation, [watch.cluster], None)


def snapshot_now(
    invocation: Invocation,
    *,
    kubeconfig: str | None = None,
    context: str | None = None,
    namespaces: tuple[str, ...] = (),
    page_size: int | None = None,
) -> tuple[str, Entry]:
    """Take a snapshot with options over settings; return the cluster's name and the ledger row."""
    import msgspec.structs  # noqa: PLC0415 -- heavy imports only in the command that needs them

    from etl.source.listing import Lister  # noqa: PLC0415

    given = {
        "kubeconfig": kubeconfig,
        "context": context,
        "page_size": page_size,
        "namespaces": list(namespaces) or None,
    }
    source = msgspec.structs.replace(
        invocation.settings.source_of(invocation.cluster),
        **{k: v for k, v in given.items() if v is not None},
    )
    connection = _connected(invocation, source)
    cluster = _named(invocation, connection)
    lister = Lister(connection, source, invocation.clock, invocation.sleep)
    with about(cluster):
        return cluster, _taken(invocation, cluster, lister)


def _hand_on(invocation: Invocation, clusters: Collection[str], failure: Exception | None) -> None:
    """Forward what is new, and raise ``failure`` or else the first that came of that."""
    for error in forward_now(invocation, clusters):
        if failure is None:
            failure = error
        else:
            invocation.fail(error)
    if failure is not None:
        raise failure


def named_cluster(invocation: Invocation) -> str:
    """Return the name of the one cluster; raises ``UsageError`` or ``ClusterError`` where nothing tells it."""
    from etl.source import live  # noqa: PLC0415 -- as above

    if invocation.cluster:
        return invocation.cluster
    return _named(invocation, live.connect(invocation.settings.source, invocation.environ))


def _named(invocation: Invocation, connection: Cluster) -> str:
    cluster = invocation.cluster or connection.name
    if not cluster:
        message = (
            "the cluster has no name: a pod's service account does not tell one;"
            " set it with --cluster NAME, EVENTLAKE_CLUSTER or cluster: in the configuration"
        )
        raise UsageError(message)
    return cluster


def _taken(invocation: Invocation, cluster: str, lister: Lister) -> Entry:
    """Read the cluster and append what is new."""
    wanted = invocation.settings.owners
    # Before the events: their pages must not grow old while metadata is listed.
    owned = lister.owners(wanted) if wanted.enabled else None
    if not lister.source.watch.enabled:
        # The first pages travel while pyarrow is imported.
        lister.begin()
    try:
        from etl import snapshots  # noqa: PLC0415
        from etl.lake.append import Terms  # noqa: PLC0415

        with invocation.progress("snapshot", "events") as tell:
            entry = snapshots.take_snapshot(
                invocation.lake,
                cluster,
                lister,
                invocation.run,
                terms=Terms(invocation.not_before(cluster), invocation.door, owned),
                tell=tell,
            )
    finally:
        lister.close()
    done = "changes watched" if entry.kind == "watch" else "events listed"
    invocation.say(
        f"{cluster}: {entry.items:,} {done}, {entry.rows_added:,} new states"
        f" in the lake {invocation.lake_path}"
    )
    return entry


def _connected(invocation: Invocation, source: Source) -> Cluster:
    """Return the way to the cluster; if there is none, the ledger of a named cluster says so."""
    from etl.source import live  # noqa: PLC0415

    try:
        return live.connect(source, invocation.environ)
    except ClusterError as error:
        if invocation.cluster:
            from etl import ingest  # noqa: PLC0415

            ingest.record_failure(
                invocation.lake, invocation.cluster, source, run=invocation.run, error=error
            )
        raise

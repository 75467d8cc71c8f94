"""``eventlake run``: the main job, as the CronJob calls it and as a new user tries it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from etl.commands import digest as digests
from etl.commands.catalogue import known
from etl.commands.fleet import fleet_now, refuse_for_one
from etl.commands.forward import forward_now
from etl.commands.invocation import Invocation
from etl.commands.options import JITTER
from etl.commands.output import write_file
from etl.commands.retention import retention_now
from etl.commands.seal import DAYS_PER_RUN, seal_now
from etl.commands.snapshot import snapshot_now
from etl.commands.watched import Watch, watched
from etl.errors import ClusterError, EventlakeError
from etl.timespan import Window

if TYPE_CHECKING:
    from etl.alerts.rules import Configured

SAMPLE_LAKE = "sample-lake"


@click.command()
@click.option(
    "--sample", is_flag=True, help="On the embedded sample of real events, without a cluster."
)
@click.option(
    "--kubeconfig", metavar="FILE", help="Kubeconfig; KUBECONFIG and ~/.kube/config otherwise."
)
@click.option("--context", metavar="NAME", help="Context of the kubeconfig.")
@JITTER
@click.pass_obj
def run(
    invocation: Invocation,
    kubeconfig: str | None,
    context: str | None,
    jitter: timedelta,
    *,
    sample: bool,
) -> None:
    """Snapshot the clusters, write the page, send the digest when due, hand on what is new, seal closed days, delete old ones.

    Each step is tried even if one before it failed; the exit code is that of the first failure.
    """
    # A wrong configuration stops everything before anything runs.
    ready = digests.configured(invocation)
    known(invocation)
    if sample:
        _run_sample(invocation)
        return
    invocation = invocation.delayed(jitter)
    with watched(invocation, "run", beats=True) as watch:
        _run(invocation, ready, watch, kubeconfig=kubeconfig, context=context)


def _run(
    invocation: Invocation,
    ready: Configured,
    watch: Watch,
    *,
    kubeconfig: str | None,
    context: str | None,
) -> None:
    """Take all steps, and raise the first failure in the end."""
    failures: list[Exception] = []
    notes: list[str] = []
    clusters, read = _snapshots(
        invocation, watch, failures, notes, kubeconfig=kubeconfig, context=context
    )
    failures.extend(report_now(invocation, ready, notes, read=read))
    failures.extend(forward_now(invocation, clusters))
    failures.extend(upkeep_now(invocation, clusters))
    for failure in failures[1:]:
        if not isinstance(failure, EventlakeError):
            # A defect of ours is shown whole.
            raise failure
        invocation.fail(failure)
    if failures:
        raise failures[0]


def report_now(
    invocation: Invocation,
    ready: Configured,
    notes: Sequence[str],
    *,
    read: bool,
    can_be_made: Callable[[datetime], bool] = lambda _until: True,
) -> Iterator[EventlakeError]:
    """Tell what is urgent, write the page if it is old, send the digest if it is due; yield what failed.

    ``notes`` join the digest's health. Without anything ``read`` nothing can be urgent. A digest
    of the time until T is sent if it ``can_be_made``.
    """
    # What is urgent must not wait for a page to be drawn.
    steps = [
        *([partial(_urgent, invocation, ready)] if read else []),
        partial(_page, invocation, ready),
        partial(_digest, invocation, ready, notes, can_be_made),
    ]
    for step in steps:
        try:
            step()
        except EventlakeError as error:
            # The next step is tried; the job fails with the first of them in the end.
            yield error


def upkeep_now(invocation: Invocation, clusters: Sequence[str]) -> Iterator[EventlakeError]:
    """Seal closed days of ``clusters``, delete old ones and what dead runs left; yield what failed."""
    for cluster in clusters:
        try:
            _seal(invocation, cluster)
            retention_now(invocation, cluster=cluster)
        except EventlakeError as error:
            # A day that could not be sealed may be the one that old days wait for; other clusters have theirs.
            yield error
    _tidy(invocation)


def _snapshots(
    invocation: Invocation,
    watch: Watch,
    failures: list[Exception],
    notes: list[str],
    *,
    kubeconfig: str | None,
    context: str | None,
) -> tuple[tuple[str, ...], bool]:
    """Take the snapshots; return the clusters whose days this run looks after, and whether any was read.

    What failed is added to ``failures`` and ``notes``. Raises ``ClusterError`` where there is
    nothing in the lake to tell about either.
    """
    if fleet := invocation.fleet:
        refuse_for_one(invocation, kubeconfig, context)
        outcomes = fleet_now(invocation)
        from etl.fleet import failure  # noqa: PLC0415 -- as below

        failed = [outcome for outcome in outcomes if outcome.error is not None]
        notes.extend(f"snapshot of {one.cluster} failed: {one.error}" for one in failed)
        if error := failure(outcomes):
            failures.append(error)
        read = len(failed) < len(outcomes)
        if not read and not invocation.lake.ledger():
            raise failures[0]
        return fleet, read
    cluster = invocation.cluster
    try:
        cluster, _entry = snapshot_now(invocation, kubeconfig=kubeconfig, context=context)
        watch.cluster = cluster
    except ClusterError as error:
        # The digest matters most on the day when the cluster does not answer.
        failures.append(error)
        notes.append(f"snapshot failed: {error}")
        if not invocation.lake.ledger():
            raise
    return (cluster,) if cluster else (), not failures


def _page(invocation: Invocation, ready: Configured) -> None:
    """Write the page anew, if it is old enough."""
    from etl import pipeline  # noqa: PLC0415 -- after the snapshot, whose pages travel first

    settings = ready.settings
    if not settings.report.page:
        return
    path = pipeline.page_path(settings, invocation.lake_path)
    if _stale(path, invocation.now, settings.report.every.total_seconds()):
        span = Window(invocation.now - settings.report.since, invocation.now)
        write_page(invocation, path, span, cluster=None)


def _urgent(invocation: Invocation, ready: Configured) -> None:
    """Send at once what the urgent rules find in this snapshot; raises ``DeliveryError``."""
    from etl import pipeline  # noqa: PLC0415 -- as above

    sent = pipeline.send_urgent(
        invocation.lake, ready, digests.outside(invocation), cluster=invocation.told_of
    )
    if sent.delivered:
        invocation.say(f"urgent message sent to {', '.join(sent.delivered)}")
    if error := sent.error():
        raise error


def _digest(
    invocation: Invocation,
    ready: Configured,
    notes: Sequence[str],
    can_be_made: Callable[[datetime], bool],
) -> None:
    """Send what is pending, and the digest that is due; raises ``DeliveryError``."""
    from etl import pipeline  # noqa: PLC0415 -- as above

    lake, outside = invocation.lake, digests.outside(invocation)
    sent = pipeline.send_pending(lake, ready.settings, outside)
    due = pipeline.due_digest(lake, ready.settings, invocation.now)
    if due and can_be_made(due.window.end):
        sent += pipeline.send_digest(lake, ready, outside, due=due, notes=notes)
    if error := sent.error():
        raise error


def _seal(invocation: Invocation, cluster: str) -> None:
    """Seal last, because it needs the most memory and nobody waits for it: answers are right without, only slower.

    A cluster that is not this job's has one of its own, so a run seals only the days of its own.
    """
    # A store that lets two runs win says so itself, and need not fail each run.
    if invocation.lake.files.exclusive():
        seal_now(invocation, cluster=cluster, limit=DAYS_PER_RUN)


def _tidy(invocation: Invocation) -> None:
    """Delete what runs that died left behind more than a day ago."""
    from etl.lake import leftovers  # noqa: PLC0415 -- as above

    try:
        for path in leftovers.sweep(invocation.lake, now=invocation.now):
            invocation.say(f"{path} was left by a run that died and is deleted")
    except EventlakeError as error:
        # It costs space and nothing else; the next run tries again.
        invocation.warn(str(error))


def _run_sample(invocation: Invocation) -> None:
    """Load the sample, write its page, print its digest."""
    from etl import ingest, pipeline  # noqa: PLC0415 -- heavy imports only in the command that needs them

    if not invocation.lake_option and not invocation.settings.lake:
        invocation.lake_option = SAMPLE_LAKE
    invocation.say(
        "this is the embedded sample: real events of public clusters, moved in time to end now"
    )
    result = ingest.load_sample(invocation.lake, invocation.run)
    if invocation.cluster_option not in result.clusters:
        # EVENTLAKE_CLUSTER may be set for the cluster of every day; the sample is not of it.
        invocation.cluster_option = None
    count = f"{result.items:,} events" if result.items else "the events"
    invocation.say(f"lake    {invocation.lake_path}: {count} of {', '.join(result.clusters)}")
    span = Window(result.end - pipeline.DIGEST_SPAN, result.end)
    path = pipeline.page_path(invocation.settings, invocation.lake_path)
    write_page(invocation, path, span, cluster=invocation.cluster_option)
    digests.preview(invocation, digests.configured(invocation), span)
    invocation.say(f"\npage    {path}")
    invocation.say(f"next    eventlake --lake {invocation.lake_path} report --list")


def write_page(invocation: Invocation, path: Path, span: Window, *, cluster: str | None) -> None:
    """Write the page about ``span`` to ``path``; raises ``EventlakeError``."""
    from etl import pipeline  # noqa: PLC0415
    from etl.lake.query import session  # noqa: PLC0415
    from etl.progress import Turns  # noqa: PLC0415

    reports = known(invocation)
    with (
        invocation.progress("page") as pace,
        session(invocation.lake, cluster=cluster, many=True) as opened,
    ):
        opened.tell = turns = Turns(pace, "page, report", len(reports))
        text = pipeline.build_page(
            opened,
            invocation.settings,
            reports=reports,
            begin=turns.begin,
            window=span,
            generated_at=invocation.now,
            lake=invocation.lake_path,
        )
    write_file(path, text.encode())


def _stale(path: Path, now: datetime, seconds: float) -> bool:
    """Whether the page is older than ``seconds``, or not there."""
    try:
        return now.timestamp() - path.stat().st_mtime >= seconds
    except OSError:
        return True

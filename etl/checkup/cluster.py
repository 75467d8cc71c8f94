"""A cluster to what an account may do there, and how far the two clocks are apart.

Asked as a snapshot asks, with a LIST of one event: what RBAC, a proxy or a webhook does to
that is what they will do to the next run, which a review of access would only guess.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from urllib.parse import quote

import msgspec

from etl.checkup.checked import Checked, fail, ok, warn
from etl.config.owners import Owners
from etl.config.settings import Source
from etl.errors import ClusterError, quoted
from etl.source import decode, live, owners
from etl.source.live import (
    Answer,
    BrokenOffError,
    Cluster,
    TimedOutError,
    UnreachableError,
    UntrustedError,
)
from etl.source.owners import MetadataList

_CODE = ClusterError.exit_code
_OK, _UNAUTHORIZED, _FORBIDDEN = 200, 401, 403
_ONE: Mapping[str, str | int] = {"limit": 1}
# The Date header counts whole seconds, and an answer takes its time.
_SKEWED_SECONDS = 10


def asked(
    source: Source, wanted: Owners, environ: Mapping[str, str], clock: Callable[[], datetime]
) -> Iterator[Checked]:
    """Yield what the cluster of ``source`` answers: a line for each list that a run needs, and one for the clocks."""
    try:
        cluster = live.connect(source, environ)
        yield ok("cluster", f"{cluster.host} by {cluster.access.origin}")
    except ClusterError as error:
        yield fail("cluster", str(error), "name a kubeconfig and a context that work", code=_CODE)
        return
    skew: float | None = None
    scopes: list[str | None] = [*dict.fromkeys(source.namespaces)]
    for namespace in scopes or [None]:
        where = f"namespace {namespace}" if namespace else "all namespaces"
        subject = f"list events in {where}"
        scope = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
        answer = _answer(cluster, f"/api/v1{scope}/events")
        if isinstance(answer, str):
            yield fail(subject, answer, "check address, network and certificates", code=_CODE)
            continue
        if answer.date is not None:
            skew = (answer.date - clock()).total_seconds()
        yield _permission(subject, answer, namespace)
        if source.watch.enabled and answer.status == _OK:
            query: dict[str, str | int] = {
                "watch": 1,
                "timeoutSeconds": 1,
                "resourceVersion": _version(answer),
            }
            watched = _answer(cluster, f"/api/v1{scope}/events", query)
            yield _watch(f"watch events in {where}", watched)
    if skew is not None:
        yield _clocks(skew)
    if wanted.enabled:
        for one in owners.lists(wanted, source.namespaces):
            yield _metadata(one, _answer(cluster, one.path, accept=owners.ACCEPT))


def _metadata(one: MetadataList, answer: Answer | str) -> Checked:
    """Say whether a list of metadata can be had; without it a run has fewer columns, and goes on."""
    subject = f"list {one.where}"
    if isinstance(answer, str):
        return warn(subject, answer, "labels and owners stay empty until it can be asked")
    if answer.status == _OK:
        return ok(subject, "allowed")
    said = quoted(answer.body.decode("utf-8", "replace"), 160)
    advice = (
        f"allow the verb list on {one.resource}, or switch owners off: labels and owners stay empty"
    )
    return warn(subject, f"HTTP {answer.status}: {said}", advice)


def _version(answer: Answer) -> str:
    """Return the resourceVersion of a list, from which a watch goes on; 0 where it tells none."""
    try:
        return decode.header(answer.body).metadata.resourceVersion or "0"
    except msgspec.DecodeError:
        # No list at all, such as a proxy's page: the watch will say what it is.
        return "0"


def _watch(subject: str, answer: Answer | str) -> Checked:
    """Say whether a snapshot may take what changed alone; where it may not, it lists."""
    if isinstance(answer, str):
        return warn(subject, answer, "look what is before the API server: it cuts off watches")
    if answer.status == _OK:
        return ok(subject, "allowed")
    said = quoted(answer.body.decode("utf-8", "replace"), 160)
    advice = (
        "allow the verb watch on events, or switch source.watch off: each snapshot is a whole list"
    )
    return warn(subject, f"HTTP {answer.status}: {said}", advice)


def _answer(
    cluster: Cluster, path: str, query: Mapping[str, str | int] = _ONE, *, accept: str = ""
) -> Answer | str:
    """Return the answer to a LIST of one object, or to another ``query``, or why there is none."""
    try:
        return cluster.get(path, query, accept=accept)
    except UnreachableError as error:
        return f"no connection: {error}"
    except UntrustedError as error:
        return f"the server is not trusted: {error}"
    except TimedOutError as error:
        return f"no answer in time: {error}"
    except BrokenOffError as error:
        return f"the answer broke off: {error}"
    except ClusterError as error:
        return str(error)


def _permission(subject: str, answer: Answer, namespace: str | None) -> Checked:
    if answer.status == _OK:
        return ok(subject, "allowed")
    said = quoted(answer.body.decode("utf-8", "replace"), 160)
    if answer.status == _UNAUTHORIZED:
        advice = "renew the credentials: the server does not know who asks"
        return fail(subject, f"HTTP 401: {said}", advice, code=_CODE)
    if answer.status == _FORBIDDEN:
        kind = "Role" if namespace else "ClusterRole"
        advice = f'bind a {kind} with verbs: [list] on resources: [events] of apiGroups: [""]'
        return fail(subject, f"HTTP 403: {said}", advice, code=_CODE)
    advice = "ask again later; if it stays, look at the API server and what is before it"
    return fail(subject, f"HTTP {answer.status}: {said}", advice, code=_CODE)


def _clocks(skew: float) -> Checked:
    if abs(skew) <= _SKEWED_SECONDS:
        return ok("clocks", "ours and the server's agree")
    ahead = "ahead of" if skew > 0 else "behind"
    detail = f"the server is {abs(skew):.0f} s {ahead} us"
    advice = (
        "mend NTP on both sides: coverage is computed from our clock, events carry the server's"
    )
    return warn("clocks", detail, advice)

"""A cluster to what an account may do there, and how far the two clocks are apart.

Asked as a snapshot asks, with a LIST of one event: what RBAC, a proxy or a webhook does to
that is what they will do to the next run, which a review of access would only guess.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from urllib.parse import quote

from etl.checkup.checked import Checked, fail, ok, warn
from etl.config.settings import Source
from etl.errors import ClusterError, quoted
from etl.source import live
from etl.source.live import (
    Answer,
    BrokenOffError,
    Cluster,
    TimedOutError,
    UnreachableError,
    UntrustedError,
)

_CODE = ClusterError.exit_code
_OK, _UNAUTHORIZED, _FORBIDDEN = 200, 401, 403
# The Date header counts whole seconds, and an answer takes its time.
_SKEWED_SECONDS = 10


def asked(
    source: Source, environ: Mapping[str, str], clock: Callable[[], datetime]
) -> Iterator[Checked]:
    """Yield what the cluster of ``source`` answers: one line for each scope, and one for the clocks."""
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
        answer = _answer(cluster, namespace)
        if isinstance(answer, str):
            yield fail(subject, answer, "check address, network and certificates", code=_CODE)
            continue
        if answer.date is not None:
            skew = (answer.date - clock()).total_seconds()
        yield _permission(subject, answer, namespace)
    if skew is not None:
        yield _clocks(skew)


def _answer(cluster: Cluster, namespace: str | None) -> Answer | str:
    """Return the answer to a LIST of one event, or why there is none."""
    scope = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
    try:
        return cluster.get(f"/api/v1{scope}/events", {"limit": 1})
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

"""A small Kubernetes API server for tests: real HTTP and TLS on loopback, events only.

It speaks LIST and WATCH of events in both API groups, /version and the namespace
object that names a cluster, with authentication, RBAC, paging at one revision,
compaction, gzip and errors in the words of a recorded API server 1.36. A test
writes events through it, moves its clock, and orders faults.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Self

from tests.lib import kubeconfigs
from tests.lib.accounts import Account
from tests.lib.api_answers import compressed
from tests.lib.api_objects import Objects
from tests.lib.api_requests import EventsApi
from tests.lib.certificates import authority
from tests.lib.event_store import Event, EventStore
from tests.lib.faults import Faults
from tests.lib.loopback import Answer, LoopbackServer, Request, Served

_START = datetime(2026, 11, 23, 8, tzinfo=UTC)


class ApiServer:
    """The fake: ``with ApiServer() as server: server.add(...)``.

    ``server.now`` is its clock, which stands until a test sets it. ``server.requests``
    is the log; ``server.faults.add(...)`` orders trouble.
    """

    def __init__(
        self,
        *,
        tls: bool = False,
        token: str = "the-right-token",  # noqa: S107 (a test's token)
        now: datetime = _START,
        ttl: timedelta = timedelta(hours=1),
        resource_version: int = 1000,
        watch_limit: float | None = None,
    ) -> None:
        """Prepare a server whose one account may do everything.

        ``watch_limit`` ends each watch after so many seconds, whatever its client asked for.
        """
        self.token = token
        self.now = now
        self.store = EventStore(resource_version=resource_version, ttl=ttl)
        self.faults = Faults()
        self.accounts = {token: Account("system:serviceaccount:eventlake:eventlake")}
        self._api = EventsApi(
            self.store, self.accounts, clock=lambda: self.now, watch_limit=watch_limit
        )
        self._http = LoopbackServer(self._respond, tls=tls)

    @property
    def objects(self) -> Objects:
        """The namespaces, pods, ReplicaSets and Jobs that accounts may list."""
        return self._api.objects

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return self._http.url

    @property
    def port(self) -> int:
        """The port listened on."""
        return self._http.port

    @property
    def requests(self) -> list[Served]:
        """Every request so far: method, path, query, headers, status, bytes sent."""
        return self._http.requests

    @property
    def certificate(self) -> bytes | None:
        """The CA certificate in PEM; None without TLS."""
        return authority().cert_pem.bytes() if self._http.tls else None

    def start(self) -> Self:
        """Begin to answer."""
        self._http.start()
        return self

    def stop(self) -> None:
        """End all watches and hangs, close every connection; raises what went wrong inside."""
        self.store.close()
        self._http.stop()

    def __enter__(self) -> Self:
        """Start the server."""
        return self.start()

    def __exit__(self, *_: object) -> None:
        """Stop the server."""
        self.stop()

    def load(self, items: Iterable[Event], *, resource_version: int) -> None:
        """Take recorded core/v1 objects as they are, revisions included."""
        self.store.load(items, resource_version=resource_version)

    def add(self, event: Event) -> Event:
        """Store a core/v1 event (see ``tests.lib.events``); returns it with the server's metadata."""
        return self.store.add(event, now=self.now)

    def patch(self, reference: str, **changes: Any) -> Event:
        """Merge changes into the event of that uid, name or ``namespace/name``; returns it."""
        return self.store.patch(reference, changes, now=self.now)

    def delete(self, reference: str) -> None:
        """Remove the event of that uid, name or ``namespace/name``."""
        self.store.delete(reference)

    def expire(self, now: datetime | None = None) -> int:
        """Set the clock (if given) and remove what has outlived its TTL; returns how many."""
        self.now = now or self.now
        return self.store.expire(self.now)

    def renew(self) -> None:
        """Change etcd's leader: every event lives a whole TTL from now on."""
        self.store.renew(self.now)

    def compact(self) -> None:
        """Make every revision so far unreadable: continue tokens and watches from it get 410."""
        self.store.compact()

    def allow(self, token: str, account: Account) -> None:
        """Let ``token`` in as ``account``."""
        self.accounts[token] = account

    def revoke(self, token: str) -> None:
        """Answer 401 to ``token`` from now on."""
        del self.accounts[token]

    def kubeconfig(
        self,
        path: Path,
        *,
        context: str = "fake",
        namespace: str = "",
        exec_plugin: bool = False,
        token: str | None = None,
    ) -> Path:
        """Write a kubeconfig for this server: with the token in it, or with a plugin that prints it."""
        return kubeconfigs.write_kubeconfig(
            path,
            url=self.url,
            token=token or self.token,
            certificate=self.certificate,
            context=context,
            namespace=namespace,
            exec_plugin=exec_plugin,
        )

    def service_account(self, folder: Path, *, namespace: str = "eventlake") -> Path:
        """Write what a pod would find mounted: token, ca.crt, namespace."""
        return kubeconfigs.write_service_account(
            folder, token=self.token, certificate=self.certificate, namespace=namespace
        )

    def _respond(self, request: Request) -> Answer:
        answer, page = self._api.answer(request)
        dated = {**answer.headers, "Date": format_datetime(self.now.astimezone(UTC), usegmt=True)}
        answer = self.faults.applied(replace(answer, headers=dated), request, page)
        return compressed(answer, request)

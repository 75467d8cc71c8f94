"""A cluster's API server as raw GETs: kubeconfig or service account in, bytes out.

The only user of the ``kubernetes`` package, and only of its authentication (exec
plugins, OIDC, token refresh) and its TLS settings: its models cost 20 times the
decoding of the bytes, and its list methods hide what paging needs to see.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import urllib3
import yaml
from kubernetes import client as kubernetes_client
from kubernetes import config as kubernetes_config
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, TimeoutError

from etl.config.settings import Source
from etl.errors import ClusterError, UsageError, quoted

_CONNECT_SECONDS = 10.0
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer: status, headers, the decoded body and the bytes that travelled."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    received_bytes: int

    @property
    def date(self) -> datetime | None:
        """The server's clock, or null where the header is missing or odd."""
        text = self.headers.get("Date")
        if not text:
            return None
        try:
            return parsedate_to_datetime(text)
        except ValueError:
            return None


class Unreachable(Exception):
    """No connection could be made at all."""


class Interrupted(Exception):
    """The answer broke off, or was not what HTTP allows."""


class TimedOut(Exception):
    """The answer took longer than it may."""


@dataclass(slots=True)
class Cluster:
    """A connection to one API server; ``name`` is the kubeconfig's cluster name, empty in a pod."""

    name: str
    host: str
    source: Source
    in_pod: bool
    _api: Any = None

    def get(self, path: str, query: Mapping[str, str | int]) -> Answer:
        """GET ``path``; raises ``Unreachable``, ``Interrupted`` or ``TimedOut``, all safe to repeat."""
        limit = self.source.timeout.total_seconds()
        deadline = time.monotonic() + limit
        headers = {"Accept": "application/json", "Accept-Encoding": "gzip"}
        with _translated():
            _method, url, headers, _body, _form = self._api.param_serialize(
                "GET",
                path,
                query_params=list(query.items()),
                header_params=headers,
                auth_settings=["BearerToken"],
            )
            answer = self._api.rest_client.pool_manager.request(
                "GET",
                url,
                headers=headers,
                preload_content=False,
                redirect=False,
                retries=False,
                timeout=urllib3.Timeout(connect=min(_CONNECT_SECONDS, limit), read=limit),
            )
            try:
                body = _read(answer, deadline)
            except BaseException:
                answer.close()
                raise
            answer.release_conn()
        return Answer(answer.status, answer.headers, body, answer.tell())

    def reconnect(self) -> None:
        """Read the credentials again: tokens of service accounts and exec plugins expire."""
        self._api = _connect(self.source, in_pod=self.in_pod)


def connect(source: Source, environ: Mapping[str, str]) -> Cluster:
    """Return a connection by kubeconfig, else by the pod's service account.

    ``environ`` tells KUBECONFIG, HOME and whether this is a pod. Raises
    ``ClusterError`` that says which file is missing or wrong.
    """
    files = _kubeconfig_files(source, environ)
    in_pod = not files and "KUBERNETES_SERVICE_HOST" in environ
    if not files and not in_pod:
        message = (
            "there is no cluster to ask: no kubeconfig (--kubeconfig, KUBECONFIG, ~/.kube/config)"
            " and this is no pod; try the embedded sample with: eventlake run --sample"
        )
        raise ClusterError(message)
    if files:
        source = _with_path(source, ":".join(files))
    api = _connect(source, in_pod=in_pod)
    name = "" if in_pod else _cluster_name(source)
    return Cluster(name, api.configuration.host, source, in_pod, api)


def _kubeconfig_files(source: Source, environ: Mapping[str, str]) -> list[str]:
    if source.kubeconfig:
        path = Path(source.kubeconfig).expanduser()
        if not path.is_file():
            message = f"the kubeconfig {path} does not exist"
            raise UsageError(message)
        return [str(path)]
    if environ.get("KUBECONFIG"):
        named = [p for p in environ["KUBECONFIG"].split(":") if p]
        found = [p for p in named if Path(p).expanduser().is_file()]
        if not found:
            message = f"KUBECONFIG names {', '.join(named)}, which does not exist"
            raise ClusterError(message)
        return found
    default = Path(environ.get("HOME", "/nonexistent")) / ".kube" / "config"
    return [str(default)] if default.is_file() else []


def _with_path(source: Source, path: str) -> Source:
    import msgspec.structs  # noqa: PLC0415 -- one function, named where it is used

    return msgspec.structs.replace(source, kubeconfig=path)


def _connect(source: Source, *, in_pod: bool) -> Any:
    configuration = kubernetes_client.Configuration()
    try:
        if in_pod:
            kubernetes_config.load_incluster_config(configuration)
        else:
            kubernetes_config.load_kube_config(
                source.kubeconfig,
                context=source.context or None,
                client_configuration=configuration,
            )
    except (
        kubernetes_config.ConfigException,
        yaml.YAMLError,
        OSError,
        TypeError,
        KeyError,
    ) as error:
        where = "the pod's service account" if in_pod else f"the kubeconfig {source.kubeconfig}"
        context = f", context {source.context}" if source.context else ""
        message = f"{where}{context} cannot be used: {quoted(str(error))}"
        raise ClusterError(message) from error
    configuration.connection_pool_maxsize = 2
    return kubernetes_client.ApiClient(configuration)


def _cluster_name(source: Source) -> str:
    contexts, active = kubernetes_config.list_kube_config_contexts(source.kubeconfig)
    if source.context:
        active = next((c for c in contexts if c["name"] == source.context), active)
    return str(active["context"].get("cluster", ""))


def _read(answer: Any, deadline: float) -> bytes:
    """Read the body; a server that drips is as late as one that is silent."""
    chunks = []
    for chunk in answer.stream(_CHUNK_BYTES, decode_content=True):
        chunks.append(chunk)
        if time.monotonic() > deadline:
            raise TimedOut
    return b"".join(chunks)


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Turn urllib3's many errors into the three kinds that paging tells apart."""
    try:
        yield
    except (ConnectTimeoutError, NewConnectionError) as error:
        raise Unreachable(_reason(error)) from error
    except TimeoutError as error:
        raise TimedOut(_reason(error)) from error
    except HTTPError as error:
        raise Interrupted(_reason(error)) from error


def _reason(error: Exception) -> str:
    """Return what went wrong in a few words, without addresses of objects."""
    text = str(error)
    return quoted(text.rpartition(": ")[2] if ">: " in text else text, 160)


def delay_of(answer: Answer) -> timedelta | None:
    """Return Retry-After of an answer in seconds, the only form that an API server uses."""
    text = answer.headers.get("Retry-After", "")
    return timedelta(seconds=int(text)) if text.isdigit() else None

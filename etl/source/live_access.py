"""Kubeconfig or service account to an API client: where the cluster is and who we are.

Built on the ``kubernetes`` package's reading of both (exec plugins, OIDC, token
refresh). Everything that can go wrong with files and plugins becomes one sentence that
names where the credentials come from.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec.structs
import urllib3

from etl.config.settings import Source
from etl.errors import ClusterError, quoted
from etl.lean import Part, only_parts_of, only_when_used

with (
    only_parts_of("kubernetes"),
    only_parts_of("kubernetes.client") as client,
    only_when_used("oauthlib", "oauthlib.oauth2", "requests_oauthlib"),
):
    from kubernetes.client.configuration import Configuration
    from kubernetes.client.rest import RESTClientObject

    # The reading of credentials takes both from the package. It makes clients for others, not
    # for us, and the models that a client imports cost 60 ms.
    client.__dict__.setdefault("Configuration", Configuration)
    client.__dict__.setdefault("ApiClient", Part("kubernetes.client", "ApiClient"))
    from kubernetes.config import ConfigException, incluster_config, kube_config

_log = logging.getLogger(__name__)
_writing = threading.Lock()
_write_file = kube_config._create_temp_file_with_content  # noqa: SLF001


def _write_file_alone(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 -- the package's own
    with _writing:
        return _write_file(*arguments, **options)  # type: ignore[no-untyped-call]  # the package's


# The package (37) names a certificate's file before it has written it, so another thread with the
# same certificate would read half of it.
kube_config._create_temp_file_with_content = _write_file_alone  # noqa: SLF001


@dataclass(frozen=True, slots=True)
class Access:
    """The kubeconfig and context of ``source``, or the service account of this pod."""

    source: Source
    environ: Mapping[str, str]
    in_pod: bool

    @property
    def origin(self) -> str:
        """Where the credentials come from, as messages name it."""
        if self.in_pod:
            return "the pod's service account"
        context = f", context {self.source.context}" if self.source.context else ""
        return f"the kubeconfig {self.source.kubeconfig}{context}"

    def cluster_name(self) -> str:
        """Return the kubeconfig's name for the cluster, empty in a pod; raises ``ClusterError``."""
        if self.in_pod:
            return ""
        with self.told():
            merged = kube_config.KubeConfigMerger(self.source.kubeconfig).config
            loader = kube_config.KubeConfigLoader(
                merged, active_context=self.source.context or None
            )
            return str(loader.current_context["context"]["cluster"])

    def connection(self) -> Connection:
        """Read address and credentials as they are now; raises ``ClusterError``."""
        configuration = Configuration()
        with self.told():
            if self.in_pod:
                # Not ``load_incluster_config``: it reads the environment of the process.
                incluster_config.InClusterConfigLoader(
                    token_filename=incluster_config.SERVICE_TOKEN_FILENAME,
                    cert_filename=incluster_config.SERVICE_CERT_FILENAME,
                    environ=self.environ,
                ).load_and_set(configuration)
            else:
                self._load(configuration)
        if not configuration.verify_ssl:
            # urllib3 would print a warning with a path of its own for every host.
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
            _log.warning("%s: the server's certificate is not checked", self.origin)
        configuration.connection_pool_maxsize = 2
        return Connection(self, configuration, RESTClientObject(configuration).pool_manager)

    @contextlib.contextmanager
    def told(self) -> Iterator[None]:
        """Turn whatever goes wrong with credentials inside into ``ClusterError``."""
        try:
            # A renewal that fails is logged only; if the old token does not do any more, the
            # credentials are read anew, and that failure is told.
            with _root_errors():
                yield
        except (AttributeError, KeyError, TypeError) as error:
            message = (
                f"{self.origin} cannot be used: it is not built like one ({quoted(str(error), 80)})"
            )
            raise ClusterError(message) from error
        except Exception as error:
            # Files, YAML, plugins, identity providers: each fails in ways of its own, and all
            # of them mean that the cluster cannot be asked.
            message = f"{self.origin} cannot be used: {quoted(str(error))}"
            raise ClusterError(message) from error

    def _load(self, configuration: Configuration) -> None:
        """Read the kubeconfig into ``configuration``."""
        with _root_errors() as said:
            kube_config.load_kube_config(
                self.source.kubeconfig,
                context=self.source.context or None,
                client_configuration=configuration,
            )
        if said and not configuration.api_key and not configuration.cert_file:
            # The package logs what a credential plugin said, and goes on as nobody.
            raise ConfigException("; ".join(said))


@dataclass(frozen=True, slots=True)
class Connection:
    """An API server's address, the connections to it, and the credentials as they were read."""

    access: Access
    configuration: Configuration
    pool: urllib3.PoolManager

    @property
    def host(self) -> str:
        """The server's address."""
        return str(self.configuration.host)

    def credentials(self) -> dict[str, str]:
        """Return the headers that log in; a token that is about to expire is read again for them.

        Raises ``ClusterError``.
        """
        with self.access.told():
            login = self.configuration.auth_settings().get("BearerToken")
        if login is None or not login["value"]:
            return {}
        # A file that holds a token may end its line, a header may not; kubectl trims it too.
        return {login["key"]: login["value"].strip()}


def found(source: Source, environ: Mapping[str, str]) -> Access:
    """Return the access that ``source`` names, else KUBECONFIG, ~/.kube/config, or the pod.

    Raises ``ClusterError`` that says which file is missing, or that there is no cluster.
    """
    files = _kubeconfig_files(source, environ)
    if files:
        named = msgspec.structs.replace(source, kubeconfig=":".join(files))
        return Access(named, environ, in_pod=False)
    if source.context:
        message = f"the context {source.context} needs a kubeconfig, and there is none"
        raise ClusterError(message)
    if "KUBERNETES_SERVICE_HOST" in environ:
        return Access(source, environ, in_pod=True)
    message = (
        "there is no cluster to ask: no kubeconfig (--kubeconfig, KUBECONFIG, ~/.kube/config)"
        " and this is no pod; try the embedded sample with: eventlake run --sample"
    )
    raise ClusterError(message)


def _kubeconfig_files(source: Source, environ: Mapping[str, str]) -> list[str]:
    if source.kubeconfig:
        path = Path(source.kubeconfig).expanduser()
        if not path.is_file():
            message = f"the kubeconfig {path} does not exist"
            raise ClusterError(message)
        return [str(path)]
    named = [p for p in environ.get("KUBECONFIG", "").split(":") if p]
    if named:
        present = [p for p in named if Path(p).expanduser().is_file()]
        if not present:
            message = f"KUBECONFIG names {', '.join(named)}, which does not exist"
            raise ClusterError(message)
        return present
    default = Path(environ.get("HOME", "/nonexistent")) / ".kube" / "config"
    return [str(default)] if default.is_file() else []


@contextlib.contextmanager
def _root_errors() -> Iterator[list[str]]:
    """Collect what is logged as an error without a logger of its own, in place of printing it."""
    said: list[str] = []
    handler = _Collector(said)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield said
    finally:
        root.removeHandler(handler)


class _Collector(logging.Handler):
    """Keeps the messages of this thread's errors."""

    def __init__(self, said: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._said = said
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        # Of several clusters that are read at once, each hears of its own credentials alone.
        if record.thread == self._thread:
            self._said.append(record.getMessage())

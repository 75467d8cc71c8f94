"""What types cannot say about forwarding: targets of no kind or two, receivers nobody is, expressions RE2 refuses.

Templates are read, and so checked, in ``etl.forward.layout``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import SplitResult

from etl.config import indexes
from etl.config.forwarding import (
    ElasticsearchTarget,
    Forward,
    ForwardRoute,
    HttpTarget,
    KafkaTarget,
    Match,
    SaslConfig,
    Target,
    TlsConfig,
)
from etl.config.owners import Owners
from etl.config.targets import has_secret, is_web, split
from etl.errors import quoted

KINDS = ("kafka", "elasticsearch", "opensearch", "http", "file", "stdout")
# What is compared as an expression, by its name in the file and in ``Match``.
EXPRESSIONS = {
    "kind": "kind",
    "namespace": "namespace",
    "reason": "reason",
    "type": "type",
    "message": "message",
    "apiVersion": "api_version",
    "component": "component",
    "host": "host",
}
# It names a file of the lake, and stands in messages.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
# One byte, whatever it is part of: RE2 has it for C++, Go refuses it.
_ONE_BYTE = re.compile(r"(?<!\\)(?:\\\\)*\\C")
_SECRET_HEADER = re.compile(r"(?i)authorization|cookie|token|secret|password|api-?key")
_SECOND = timedelta(seconds=1)
_LEAST_REQUEST = 10_000
_HIGHEST_PORT = 65_535

Found = tuple[str, str]


def mistakes(forward: Forward) -> Iterator[Found]:
    """Yield (path, what is wrong) with the section ``forward``."""
    first: dict[str, int] = {}
    for index, target in enumerate(forward.targets):
        path = f"forward.targets[{index}]"
        yield from _target(target, path)
        if first.setdefault(target.name, index) != index:
            other = f"forward.targets[{first[target.name]}]"
            yield f"{path}.name", f"{target.name!r} is the name of another target already ({other})"
    for path, match in _matches(forward.route, "forward.route"):
        yield from _match(match, path)
        if match.receiver and match.receiver not in first and ".drop[" not in path:
            there = ", ".join(sorted(first)) or "none"
            yield (
                f"{path}.receiver",
                f"there is no target {quoted(match.receiver, 60)!r}; there are {there}",
            )


def warnings(forward: Forward, owners: Owners) -> Iterator[Found]:
    """Yield (path, what comes of it) for what can be meant, and rarely is."""
    if forward.route is None:
        return
    kept = set(owners.labels) if owners.enabled else set()
    named: set[str] = set()
    for path, match in _matches(forward.route, "forward.route"):
        if ".drop[" not in path:
            named.add(match.receiver)
        elif match == Match(receiver=match.receiver):
            yield path, "says nothing that an event must be, so every event is dropped here"
        for key in sorted(match.labels.keys() - kept):
            yield (
                f"{path}.labels",
                f"{quoted(key, 100)} is not among owners.labels, so it is not known and this never matches",
            )
        if match.annotations:
            yield (
                f"{path}.annotations",
                "annotations of objects are not in the lake, so this never matches",
            )
    for index, target in enumerate(forward.targets):
        if target.name not in named:
            yield (
                f"forward.targets[{index}].name",
                f"{target.name!r} is named by no match of forward.route, so it gets nothing",
            )


def secrets_written_out(forward: Forward, expanded: set[str]) -> Iterator[str]:
    """Yield the paths of secrets that stand in the file; those in ``expanded`` came from the environment."""
    for index, target in enumerate(forward.targets):
        path = f"forward.targets[{index}]"
        given: dict[str, str] = {}
        if target.kafka:
            given[f"{path}.kafka.sasl.password"] = target.kafka.sasl.password
        for kind in ("elasticsearch", "opensearch"):
            if store := getattr(target, kind):
                given |= {f"{path}.{kind}.{n}": getattr(store, n) for n in ("password", "api_key")}
        if target.http:
            if has_secret(target.http.url):
                given[f"{path}.http.url"] = target.http.url
            for name, value in target.http.headers.items():
                # What is taken from the environment, or from the event, stands there by its name.
                if _SECRET_HEADER.search(name) and "${" not in value and "{{" not in value:
                    given[f"{path}.http.headers.{name}"] = value
        yield from (where for where, value in given.items() if value and where not in expanded)


def _target(target: Target, path: str) -> Iterator[Found]:
    if not _NAME.fullmatch(target.name):
        yield (
            f"{path}.name",
            "takes letters, digits, dots, underscores and hyphens, at most 63; its position in the lake is kept under it",
        )
    kinds = [kind for kind in KINDS if getattr(target, kind) is not None]
    if not kinds:
        yield (
            path,
            f"has no kind of target; give one of {', '.join(KINDS)} (of stdout nothing can be set: stdout: {{}})",
        )
    elif len(kinds) > 1:
        yield path, f"is {' and '.join(kinds)} at once; give each a target of its own"
    if target.kafka:
        yield from _kafka(target.kafka, f"{path}.kafka")
    if target.elasticsearch:
        yield from _store(target.elasticsearch, f"{path}.elasticsearch")
    if target.opensearch:
        yield from _store(target.opensearch, f"{path}.opensearch")
    if target.http:
        yield from _http(target.http, f"{path}.http")
        if target.http.text and target.layout is not None:
            yield f"{path}.layout", "is of no use beside http.text, which is the body"
    if target.file and not target.file.path:
        yield f"{path}.file.path", "is empty"


def _kafka(kafka: KafkaTarget, path: str) -> Iterator[Found]:
    if not kafka.brokers:
        yield f"{path}.brokers", "is empty; give at least one as host:port"
    for index, broker in enumerate(kafka.brokers):
        found = re.fullmatch(r"(?:\[[0-9a-fA-F:.]+\]|[^\s/,@:]+):(\d{1,5})", broker)
        if not found or not 0 < int(found[1]) <= _HIGHEST_PORT:
            yield f"{path}.brokers[{index}]", f"{quoted(broker, 60)!r} is not host:port"
    if not kafka.topic:
        yield f"{path}.topic", "is empty"
    tls = kafka.tls
    if not tls.enabled and (tls.ca_file or tls.cert_file or tls.insecure_skip_verify):
        yield f"{path}.tls.enabled", "is missing; without it nothing is encrypted"
    yield from _tls(tls, f"{path}.tls")
    yield from _login(kafka.sasl, path)
    yield from _patience(kafka.timeout, path)


def _login(sasl: SaslConfig, kafka: str) -> Iterator[Found]:
    path = f"{kafka}.sasl"
    given = (sasl.username, sasl.password, sasl.password_file)
    if not sasl.mechanism and any(given):
        yield f"{path}.mechanism", "is missing; give PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"
    if sasl.mechanism and not sasl.username:
        yield f"{path}.username", f"is missing; {sasl.mechanism} needs one"
    if sasl.mechanism and not (sasl.password or sasl.password_file):
        yield path, "has no password; give password_file, or password"
    if sasl.password and sasl.password_file:
        yield path, "has password and password_file; give one of them"


def _store(store: ElasticsearchTarget, path: str) -> Iterator[Found]:
    if not store.hosts:
        yield f"{path}.hosts", "is empty; give at least one as https://host:9200"
    for index, host in enumerate(store.hosts):
        parts = split(host)
        # The address itself may hold a password and is not repeated.
        if not (is_web(host) and _is_host(parts)):
            yield f"{path}.hosts[{index}]", "is not an address; write it like https://host:9200"
        elif parts.scheme == "http" and not store.allow_http:
            yield f"{path}.hosts[{index}]", "is plain http; use https, or say allow_http: true"
        if "@" in parts.netloc:
            yield (
                f"{path}.hosts[{index}]",
                "holds a user; give username and password_file",
            )
    for text in indexes.mistakes(store.index, data_stream=store.data_stream):
        yield f"{path}.index", text
    yield from _key_or_user(store, path)
    if store.data_stream and store.id == "event":
        yield f"{path}.id", "event overwrites documents, and a data stream only takes new ones"
    if store.max_bytes < _LEAST_REQUEST:
        yield (
            f"{path}.max_bytes",
            f"{store.max_bytes} is too small; give at least {_LEAST_REQUEST}",
        )
    if store.tls != TlsConfig() and not any(split(h).scheme == "https" for h in store.hosts):
        yield f"{path}.tls", "is of no use: TLS is spoken with hosts that begin with https://"
    yield from _tls(store.tls, f"{path}.tls")
    yield from _patience(store.timeout, path)


def _is_host(parts: SplitResult) -> bool:
    """Whether host and port can be looked up, with nothing behind them but a path."""
    try:
        name, port = (parts.hostname or "").encode("idna"), parts.port
    except ValueError:
        # No number as port, or no name.
        return False
    return bool(name) and port != 0 and not parts.query and not parts.fragment


def _key_or_user(store: ElasticsearchTarget, path: str) -> Iterator[Found]:
    for name in ("password", "api_key"):
        if getattr(store, name) and getattr(store, f"{name}_file"):
            yield path, f"has {name} and {name}_file; give one of them"
    key = store.api_key or store.api_key_file
    password = store.password or store.password_file
    if key and (store.username or password):
        yield path, "has an API key and a user; give one of them"
    if bool(store.username) != bool(password):
        yield path, "has one of username and password; give both"


def _http(http: HttpTarget, path: str) -> Iterator[Found]:
    if http.url and http.url_file:
        yield path, "has url and url_file; give one of them"
    if not http.url and not http.url_file:
        yield path, "has no address; give url_file, or url"
    if http.url and not is_web(http.url):
        yield f"{path}.url", "is not an address; it begins with https://"
    elif split(http.url).scheme == "http" and not http.allow_http:
        yield f"{path}.url", "is plain http; use https, or say allow_http: true"
    yield from _patience(http.timeout, path)


def _tls(tls: TlsConfig, path: str) -> Iterator[Found]:
    if bool(tls.cert_file) != bool(tls.key_file):
        yield path, "has one of cert_file and key_file; give both"


def _patience(timeout: timedelta, path: str) -> Iterator[Found]:
    if timeout < _SECOND:
        yield f"{path}.timeout", f"{timeout} is too short; give at least 1s"


def _match(match: Match, path: str) -> Iterator[Found]:
    expressions = {key: getattr(match, name) for key, name in EXPRESSIONS.items()}
    for what in ("labels", "annotations"):
        for key, expression in getattr(match, what).items():
            expressions[f"{what}[{quoted(key, 60)}]"] = expression
    for key, expression in expressions.items():
        if expression and (reason := _refused(expression)):
            yield (
                f"{path}.{key}",
                f"{quoted(expression, 60)!r} is no expression of RE2: {reason}; kubernetes-event-exporter would never match it, and not say so",
            )
    if match.min_count < 0:
        yield f"{path}.minCount", f"{match.min_count} is negative"


def _refused(expression: str) -> str:
    """Return why RE2 does not take ``expression``; empty where it does."""
    # Only who has such rules pays for Arrow while the configuration is read.
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.compute as pc  # noqa: PLC0415

    if _ONE_BYTE.search(expression):
        return "\\C could cut a character in two"
    try:
        pc.match_substring_regex(pa.array([""]), expression)
    except pa.ArrowInvalid as error:
        return quoted(str(error).removeprefix("Invalid regular expression: "), 80)
    return ""


def _matches(route: ForwardRoute | None, path: str) -> Iterator[tuple[str, Match]]:
    if route is None:
        return
    for word, matches in (("drop", route.drop), ("match", route.match)):
        for index, match in enumerate(matches):
            yield f"{path}.{word}[{index}]", match
    for index, below in enumerate(route.routes):
        yield from _matches(below, f"{path}.routes[{index}]")

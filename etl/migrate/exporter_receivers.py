"""The receivers of kubernetes-event-exporter to targets of ours, or to receivers of digests.

A layout is a tree of Go templates; each becomes a leaf of ours. What Go makes of the
rest stays as it is: a number in a layout is sent as null.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from etl.migrate import addresses
from etl.migrate.expression import Value, literal
from etl.migrate.expressions import go_index
from etl.migrate.found import Entry, Found
from etl.migrate.gotext import TemplateError
from etl.migrate.leaf import Terms, escaped, translate

_SECRET_HEADER = re.compile(r"(?i)authorization|cookie|token|secret|password|api-?key")
_VARIABLE = re.compile(r"\$(?:\{\w+\}|\w+)")
_LABEL = re.compile(r"involvedObject\.labels\.get\('([^']*)'")
_MECHANISMS = {"": "PLAIN", "plain": "PLAIN", "sha256": "SCRAM-SHA-256", "sha512": "SCRAM-SHA-512"}
_ELSEWHERE = {
    "syslog": "write to stdout or a file, which the syslog daemon or a log agent reads",
    "kinesis": "there is no sender for AWS streams; Amazon MSK takes a Kafka target",
    "firehose": "there is no sender for AWS streams; the lake itself may lie in S3, as Parquet",
    "sqs": "there is no sender for AWS queues; an http target reaches an API Gateway before one",
    "sns": "there is no sender for SNS; an http target reaches an API Gateway, a digest goes by mail or chat",
    "pubsub": "there is no sender for Pub/Sub; the lake itself may lie in Google Cloud Storage, as Parquet",
    "bigquery": "BigQuery reads the lake's Parquet itself: an external table over gs://…/days with Hive partitions",
    "eventbridge": "there is no sender for it; an http target reaches an API destination",
    "opscenter": "there is no sender for it; alerts go to PagerDuty, Alertmanager, chats and webhooks",
    "opsgenie": "alerts, not events, belong there: apprise_configs has opsgenie:// (docs/receivers.md)",
    "loki": "write to stdout or a file, which Promtail, Alloy or Fluent Bit reads; the lake answers LogQL's questions in SQL",
    "prometheus": "counts are in eventlake metrics, for Prometheus: docs/monitoring.md",
    "inMemory": "it was for tests of kubernetes-event-exporter alone",
}


@dataclass(slots=True)
class Receivers:
    """What became of the receivers: the names of their targets, of receivers of digests, and what was refused."""

    targets: dict[str, str] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    topics: dict[str, str] = field(default_factory=dict)


def read(given: list[Any], found: Found, *, cluster: str) -> Receivers:
    """Add to ``found`` what the receivers become."""
    receivers = Receivers()
    for index, one in enumerate(given):
        name = str((one or {}).get("name") or f"receiver {index}")
        kinds = [key for key, value in (one or {}).items() if key != "name" and value is not None]
        if len(kinds) != 1:
            found.refuse(
                f"receiver {name}", "has no sink, or several; kubernetes-event-exporter takes one"
            )
            receivers.refused.add(name)
            continue
        kind = kinds[0]
        if kind not in _READERS:
            why = _ELSEWHERE.get(kind, "kubernetes-event-exporter does not know it either")
            found.refuse(f"receiver {name} ({kind})", why)
            receivers.refused.add(name)
            continue
        try:
            _READERS[kind](_Given(name, kind, dict(one[kind]), cluster), receivers, found)
        except TemplateError as error:
            found.refuse(f"receiver {name} ({kind})", str(error))
            receivers.refused.add(name)
    return receivers


@dataclass(frozen=True, slots=True)
class _Given:
    """One receiver: its name, its kind, its settings, and the cluster that the whole file names."""

    name: str
    kind: str
    settings: dict[str, Any]
    cluster: str

    def text(self, key: str) -> str:
        """Return a setting as text; empty where it is not there."""
        value = self.settings.get(key)
        return "" if value is None else str(value)

    @property
    def terms(self) -> Terms:
        """What its templates see: the name of the cluster is empty unless the file says one."""
        name = Value("cluster", "text") if self.cluster else Value("''", "text", constant="")
        return Terms(instead={"ClusterName": name})

    def leaf(self, template: str) -> str:
        """Return one of its templates as a leaf."""
        leaf = translate(template, self.terms)
        return (
            leaf
            if self.cluster
            else leaf.replace("exporter_event(event, cluster)", "exporter_event(event, '')")
        )


def _layout(given: _Given, found: Found) -> object:
    """Return the document that a receiver sends."""
    layout = given.settings.get("layout")
    if layout is None:
        name = "cluster" if given.cluster else literal("")
        if not given.cluster:
            found.note(
                f"receiver {given.name}: clusterName is empty in its documents, as it was; exporter_event(event, cluster) names the cluster"
            )
        return {"$json": f"exporter_event(event, {name})"}
    return _leaves(layout, given, found, f"receiver {given.name}: layout")


def _leaves(tree: object, given: _Given, found: Found, path: str) -> object:
    if isinstance(tree, Mapping):
        return {str(key): _leaves(one, given, found, f"{path}.{key}") for key, one in tree.items()}
    if isinstance(tree, list):
        return [_leaves(one, given, found, f"{path}[{i}]") for i, one in enumerate(tree)]
    if isinstance(tree, str):
        try:
            leaf = given.leaf(tree)
        except TemplateError as error:
            raise TemplateError(f"{path}: {error}") from error
        found.labels |= set(_LABEL.findall(leaf))
        return leaf
    if tree is not None:
        found.note(
            f"{path}: kubernetes-event-exporter sends null for what is no text, so this does; put it in quotes, or write $json"
        )
    return None


def _target(given: _Given, receivers: Receivers, found: Found, kind: str, settings: Any) -> None:  # noqa: ANN401 -- of each kind
    """Add a target with the receiver's document."""
    name = receivers.targets.get(given.name) or found.name(given.name)
    receivers.targets[given.name] = name
    entry = {"name": name, "layout": _layout(given, found), kind: settings}
    comment = (
        f"kubernetes-event-exporter's receiver {given.name} ({given.kind}), document for document."
    )
    found.targets.append(Entry(entry, (comment,)))


def _named(given: _Given, receivers: Receivers, found: Found) -> str:
    """Return the name that the target will have, for its secrets."""
    return receivers.targets.setdefault(given.name, found.name(given.name))


def _secret(given: _Given, key: str, found: Found, name: str) -> dict[str, str]:
    """Return a secret: by file, or as the reference to the environment that it was."""
    value = given.text(key)
    ours = {"apiKey": "api_key"}.get(key, key)
    if not value:
        return {}
    if _VARIABLE.fullmatch(value):
        return {ours: found.kept_variable(value, f"{key} of receiver {given.name}")}
    return {f"{ours}_file": found.secret_file(f"{name}-{ours}", f"{key} of receiver {given.name}")}


def _unused(given: _Given, known: tuple[str, ...], found: Found) -> None:
    """Tell which settings of a receiver have no counterpart."""
    for key, value in given.settings.items():
        if key in known or value in (None, "", False):
            continue
        why = _UNUSED.get(key, "is not known of it")
        found.refuse(f"receiver {given.name}: {key}", why)


_UNUSED = {
    "version": "the protocol's version is found out by itself",
    "type": "Elasticsearch 8 has no types",
    "cloudID": "give the address of the deployment in hosts",
    "headers": "the official client's headers are not set; put a proxy before it where one is needed",
    "avro": "records are JSON; a schema registry is not spoken to",
    "maxsize": "let logrotate rotate the file",
    "maxage": "let logrotate rotate the file",
    "maxbackups": "let logrotate rotate the file",
    "sentUpdateEvent": "every new state of an event is sent, updates too",
    "tls": "an http target trusts the authorities of the system; nothing else can be set",
    "deDot": "names are left as they are; Elasticsearch targets have dedot",
}


def _kafka(given: _Given, receivers: Receivers, found: Found) -> None:
    if (given.settings.get("avro") or {}).get("schemaID"):
        raise TemplateError(f"avro {_UNUSED['avro']}")
    name = _named(given, receivers, found)
    kafka: dict[str, Any] = {
        "brokers": given.settings.get("brokers") or [],
        "topic": escaped(given.text("topic")),
        "compression": given.text("compressionCodec") or "none",
    }
    if given.text("clientId"):
        kafka["client_id"] = given.text("clientId")
    if (tls := given.settings.get("tls") or {}).get("enable"):
        kafka["tls"] = {"enabled": True, **_tls(tls, given, found)}
    if (sasl := given.settings.get("sasl") or {}).get("enable"):
        login = _Given(given.name, given.kind, sasl, given.cluster)
        mechanism = login.text("mechanism")
        kafka["sasl"] = {
            "mechanism": _MECHANISMS.get(mechanism, "PLAIN"),
            "username": login.text("username"),
            **_secret(login, "password", found, name),
        }
        if mechanism not in _MECHANISMS:
            found.refuse(
                f"receiver {given.name}: sasl.mechanism", "is not known; PLAIN stands in for it"
            )
    _unused(
        given,
        ("brokers", "topic", "compressionCodec", "clientId", "tls", "sasl", "layout", "avro"),
        found,
    )
    receivers.topics[given.text("topic")] = given.name
    _target(given, receivers, found, "kafka", kafka)


def _tls(tls: Mapping[str, Any], given: _Given, found: Found) -> dict[str, Any]:
    kept = {
        ours: str(tls[theirs])
        for ours, theirs in (
            ("ca_file", "caFile"),
            ("cert_file", "certFile"),
            ("key_file", "keyFile"),
        )
        if tls.get(theirs)
    }
    if tls.get("serverName"):
        found.refuse(
            f"receiver {given.name}: tls.serverName",
            "the certificate must name the address that is used",
        )
    return kept | ({"insecure_skip_verify": True} if tls.get("insecureSkipVerify") else {})


def _store(given: _Given, receivers: Receivers, found: Found) -> None:
    name = _named(given, receivers, found)
    wanted = given.text("indexFormat") or given.text("index")
    index = go_index(wanted) if given.text("indexFormat") else wanted
    if index is None or "{{" in wanted:
        raise TemplateError(
            f"indexFormat {wanted}: only year, month, day and hour are translated, in one pair of braces"
        )
    if "{date:" in index:
        found.note(
            f"receiver {given.name}: its index is of the day of sending there, here of the event's last_seen (UTC), so that a repeat meets its first"
        )
    hosts = [str(one) for one in given.settings.get("hosts") or []]
    store: dict[str, Any] = {"hosts": hosts, "index": index}
    if given.settings.get("useEventID"):
        store["id"] = "event"
    if given.settings.get("deDot"):
        store["dedot"] = True
    if given.text("apiKey"):
        store |= _secret(given, "apiKey", found, name)
    elif given.text("username"):
        store["username"] = given.text("username")
        store |= _secret(given, "password", found, name)
    if tls := _tls(given.settings.get("tls") or {}, given, found):
        store["tls"] = tls
    store |= addresses.reach(hosts)
    known = (
        "hosts",
        "index",
        "indexFormat",
        "useEventID",
        "deDot",
        "apiKey",
        "username",
        "password",
    )
    _unused(given, (*known, "tls", "layout", "type"), found)
    if given.text("type"):
        found.note(f"receiver {given.name}: type: {_UNUSED['type']}")
    _target(given, receivers, found, given.kind, store)


def _webhook(given: _Given, receivers: Receivers, found: Found) -> None:
    url = given.text("endpoint")
    chat = addresses.chat(url)
    if chat and not found.per_event:
        _digest(given, chat, receivers, found, f"the address: {addresses.shown(url)}")
        return
    name = _named(given, receivers, found)
    http: dict[str, Any] = {}
    if _VARIABLE.fullmatch(url):
        http["url"] = found.kept_variable(url, f"the address of receiver {given.name}")
    else:
        http["url_file"] = found.secret_file(
            f"{name}-url", f"the address of receiver {given.name}: {addresses.shown(url)}"
        )
    headers = {}
    for key, value in (given.settings.get("headers") or {}).items():
        if _SECRET_HEADER.search(key) and "{{" not in str(value):
            if _VARIABLE.search(str(value)):
                headers[key] = str(value)
                continue
            headers[key] = found.secret_variable(
                f"{name}-{key}", f"the header {key} of receiver {given.name}"
            )
        else:
            headers[key] = given.leaf(str(value))
    if headers:
        http["headers"] = headers
    http |= addresses.reach([url])
    _unused(given, ("endpoint", "headers", "layout"), found)
    _target(given, receivers, found, "http", http)


def _file(given: _Given, receivers: Receivers, found: Found) -> None:
    _unused(given, ("path", "layout"), found)
    _target(given, receivers, found, "file", {"path": given.text("path")})


def _stdout(given: _Given, receivers: Receivers, found: Found) -> None:
    _unused(given, ("layout",), found)
    _target(given, receivers, found, "stdout", {})


def _slack(given: _Given, receivers: Receivers, found: Found) -> None:
    if not found.per_event:
        what = "the address of an incoming webhook of the channel: the token and chat.postMessage are not used any more"
        if "{{" in given.text("channel"):
            found.note(
                f"receiver {given.name}: a channel by a template has no counterpart in a digest; routes by the label of a team have (docs/receivers.md)"
            )
        _digest(given, "slack", receivers, found, what)
        return
    name = _named(given, receivers, found)
    token = given.text("token")
    if _VARIABLE.fullmatch(token):
        reference = found.kept_variable(token, f"the token of receiver {given.name}")
    else:
        reference = found.secret_variable(f"{name}-token", f"the token of receiver {given.name}")
    layout: dict[str, Any] = {"channel": given.text("channel"), "text": given.text("message")}
    fields = given.settings.get("fields")
    if fields is not None:
        attachment = {
            key: given.text(key)
            for key in ("color", "title", "author_name", "footer")
            if given.text(key)
        }
        rows = [{"title": key, "value": str(fields[key])} for key in sorted(fields)]
        layout["attachments"] = [{**attachment, "fields": rows}]
    made = _Given(given.name, given.kind, {"layout": layout}, given.cluster)
    entry = _layout(made, found)
    found.note(
        f"target {name}: Slack answers 200 also where it refuses; look into the channel once"
    )
    settings = {
        "name": name,
        "layout": entry,
        "http": {
            "url": "https://slack.com/api/chat.postMessage",
            "headers": {"Authorization": f"Bearer {reference}"},
        },
    }
    found.targets.append(
        Entry(
            settings,
            (f"kubernetes-event-exporter's receiver {given.name} (slack), message for message.",),
        )
    )


def _teams(given: _Given, receivers: Receivers, found: Found) -> None:
    found.note(
        f"receiver {given.name}: Teams has closed the connectors that it posts to; a workflow takes the digest, and its address is another one"
    )
    if found.per_event:
        raise TemplateError(
            "its card for connectors has no counterpart; without --per-event it gets the digest"
        )
    _digest(given, "teams", receivers, found, "the address of a Teams workflow (docs/receivers.md)")


def _digest(given: _Given, kind: str, receivers: Receivers, found: Found, what: str) -> None:
    name = found.name(given.name)
    receivers.digests[given.name] = name
    settings = {
        "name": name,
        f"{kind}_configs": [{"url_file": found.secret_file(f"{name}-url", what)}],
    }
    comment = f"kubernetes-event-exporter's receiver {given.name} ({given.kind}) sent a message for each event; this gets one digest. --per-event keeps the single messages."
    found.receivers.append(Entry(settings, (comment,)))
    found.alert_routes.append(
        {"receiver": name, "matchers": [f'sink=~"|{name}"'], "continue": True}
    )


_READERS: dict[str, Callable[[_Given, Receivers, Found], None]] = {
    "kafka": _kafka,
    "elasticsearch": _store,
    "opensearch": _store,
    "webhook": _webhook,
    "file": _file,
    "pipe": _file,
    "stdout": _stdout,
    "slack": _slack,
    "teams": _teams,
}
KINDS = frozenset(_READERS)
REFUSED = frozenset(_ELSEWHERE)

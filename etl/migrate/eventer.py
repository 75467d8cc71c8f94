"""kube-eventer's ``--sink=`` arguments to targets, receivers and what has no counterpart.

A sink that ends at the robot of a chat becomes a receiver of the digest and a rule that
finds the events that the sink would have sent; with ``per_event`` it becomes a target
that gets each event, with the body it had. Every other sink becomes a target. Sources:
kube-eventer's ``sinks/*`` and ``common/*`` (commits 0974bca and before).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlencode, urlsplit, urlunsplit

from etl.migrate import addresses, eventer_bodies
from etl.migrate.expression import Value
from etl.migrate.expressions import NEVER, is_re2
from etl.migrate.found import SECRET, Entry, Found
from etl.migrate.gotext import TemplateError
from etl.migrate.leaf import Terms, escaped
from etl.migrate.payload import body

# What kube-eventer reads itself of a webhook's address; the rest belongs to the address.
_OWN: tuple[str, ...] = ("level", "namespaces", "kinds", "reason", "method", "header")
_OWN += ("custom_body_configmap", "custom_body_configmap_namespace")
# kube-eventer takes the quotes out of messages before its template sees them.
STRIPPED = {"Message": Value("event.message|replace('\"', '')", "text")}
_ELSEWHERE = {
    "mysql": "there is no database beside the lake: ask the lake itself (eventlake sql, docs/sql.md), or load its Parquet",
    "sls": "Alibaba's log service takes Kafka's protocol: give a Kafka target its endpoint, project and key",
    "influxdb": "the counts are in eventlake metrics (docs/monitoring.md); events are in the lake",
    "riemann": "there is no sender for Riemann; metrics and alerts go to Prometheus and Alertmanager",
    "honeycomb": "its events API takes JSON by HTTP: give it an http target with a layout of your own",
    "eventbridge": "there is no sender for it; an http target reaches its HTTP API where one is open",
    "mongo": "there is no database beside the lake: ask the lake itself (eventlake sql, docs/sql.md)",
    "rabbitmq": "there is no sender for RabbitMQ; Kafka and http are there",
    "pulsar": "Pulsar speaks Kafka's protocol with KoP: give a Kafka target its address",
    "cms": "Alibaba's monitoring service has no sender here; digests go to chats and webhooks",
    "gcm": "there is no sender for it; a file or stdout target is read by the cloud's log agent",
}


@dataclass(frozen=True, slots=True)
class Sink:
    """One argument: its kind, its address, the values of its query, and how messages call it."""

    kind: str
    uri: SplitResult
    options: Mapping[str, list[str]]
    title: str

    def first(self, name: str, default: str = "") -> str:
        """Return the first value of an option."""
        return (self.options.get(name) or [default])[0]

    def several(self, name: str) -> list[str]:
        """Return the values of an option that takes a list: only its first mention counts, split at commas."""
        return [one for one in self.first(name).split(",") if one]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stands around the arguments: bodies of ConfigMaps by (namespace, name), and the zone that times are printed in."""

    bodies: Mapping[tuple[str, str], str]
    zone: str = ""


def read(arguments: list[str], around: Surroundings, found: Found) -> None:
    """Add to ``found`` what the sinks in ``arguments`` become."""
    for number, argument in enumerate(arguments, 1):
        sink = _sink(argument, number)
        if sink is None:
            found.refuse(f"sink {number}", "is not KIND:ADDRESS")
        elif sink.kind in _READERS:
            _READERS[sink.kind](sink, around, found)
        else:
            why = _ELSEWHERE.get(sink.kind, "kube-eventer's documents do not know it either")
            found.refuse(sink.title, why)


def _sink(argument: str, number: int) -> Sink | None:
    kind, colon, address = argument.removeprefix("--sink").lstrip("= ").partition(":")
    kind = kind.strip("'\" ")
    if (not colon and kind != "log") or not re.fullmatch(r"\w+", kind):
        return None
    uri = urlsplit(address.strip("'\" "))
    return Sink(kind, uri, parse_qs(uri.query, keep_blank_values=True), f"sink {number} ({kind})")


def _webhook(sink: Sink, around: Surroundings, found: Found) -> None:
    rest = [(k, v) for k, vs in sink.options.items() if k not in _OWN for v in vs]
    url = urlunsplit(sink.uri._replace(query=urlencode(rest)))
    chat = addresses.chat(url)
    match = _webhook_match(sink, found)
    if chat and not found.per_event:
        _digest(
            sink,
            chat,
            match,
            "the address of the robot, without kube-eventer's own parameters",
            found,
        )
        return
    try:
        shape = _shape(sink, around, found)
    except TemplateError as error:
        found.refuse(f"{sink.title} to {addresses.shown(url)}: its body", str(error))
        return
    name = found.name("webhook")
    comments = [f"kube-eventer's webhook {addresses.shown(url)}, event for event."]
    if "event.message|replace" in repr(shape):
        comments.append(
            "kube-eventer takes the quotes out of messages, so this does too; write {{ event.message }} to keep them."
        )
    method = sink.first("method", "GET").upper()
    if method not in {"POST", "PUT"}:
        found.note(f"target {name}: kube-eventer sends it by {method}; here it is POST")
        method = "POST"
    settings: dict[str, Any] = {"name": name}
    if "layout" in shape:
        settings["layout"] = found.without_secrets(shape.pop("layout"), name, f"target {name}")
    what = "the address, without kube-eventer's own parameters (level, namespaces, kinds, reason, method, header, custom_body_…)"
    settings["http"] = {
        "url_file": found.secret_file(f"{name}-url", f"{what}: {addresses.shown(url)}"),
        "method": method,
        **_headers(sink, name, found),
        **shape,
        **addresses.reach([url]),
    }
    found.targets.append(Entry(settings, tuple(comments)))
    found.routes.append({"match": [{"receiver": name, **match}]})


def _shape(sink: Sink, around: Surroundings, found: Found) -> dict[str, Any]:
    """Return ``layout``, or ``text``, of the body that a webhook sends."""
    wanted = sink.first("custom_body_configmap")
    source = eventer_bodies.WEBHOOK
    if wanted:
        place = (sink.first("custom_body_configmap_namespace", "default"), wanted)
        source = around.bodies.get(place) or around.bodies.get(("", wanted)) or ""
        if not source:
            found.note(
                f"{sink.title}: the ConfigMap {'/'.join(place)} is not among the files; the default body stands in for it: give its file too"
            )
            source = eventer_bodies.WEBHOOK
    shape = body(source, Terms(instead=STRIPPED, zone=around.zone))
    if shape.layout is None:
        found.note(f"{sink.title}: its body is no JSON, so it is sent as the text that it was")
        return {"text": plain(shape.text)}
    return {"layout": plain(shape.layout)}


def plain(tree: Any) -> Any:  # noqa: ANN401 -- a layout, or a text
    """Return a tree in which a dollar is one: kube-eventer's bodies know no environment."""
    if isinstance(tree, dict):
        return {key: plain(one) for key, one in tree.items()}
    if isinstance(tree, list):
        return [plain(one) for one in tree]
    return re.sub(r"\$(?=[${])", "$$", tree) if isinstance(tree, str) else tree


def _headers(sink: Sink, name: str, found: Found) -> dict[str, Any]:
    headers: dict[str, str] = {}
    for given in sink.options.get("header", []):
        key, equals, value = given.partition("=")
        if not equals or "=" in value:
            found.note(f"target {name}: kube-eventer ignores the header {key}, so it is left out")
        elif SECRET.search(key):
            headers[key] = found.secret_variable(
                f"{name}-{key}", f"the header {key} of target {name}"
            )
        else:
            headers[key] = plain(escaped(value))
    return {"headers": headers} if headers else {}


def _webhook_match(sink: Sink, found: Found) -> dict[str, Any]:
    """Return which events a webhook gets: without ``level`` all, with Normal both types."""
    match: dict[str, Any] = {}
    level = sink.first("level")
    if level:
        match["type"] = "^(Normal|Warning)$" if level == "Normal" else "^Warning$"
    match |= _lists(sink)
    if "default" in sink.several("namespaces"):
        found.note(
            f"{sink.title}: kube-eventer asks for the namespace of the object, eventlake for that of the event; those of nodes are in default, and come too"
        )
    if reasons := [
        one for given in sink.options.get("reason", []) for one in given.split(",") if one
    ]:
        if len(sink.options["reason"]) > 1:
            found.note(
                f"{sink.title}: kube-eventer reads only the first reason, though its documentation says that there may be several; here each counts"
            )
        wrong = [one for one in reasons if not is_re2(one)]
        for one in wrong:
            found.refuse(
                f"{sink.title}: reason {one}", "is no expression, so kube-eventer never matches it"
            )
        match["reason"] = "|".join(one for one in reasons if one not in wrong) or NEVER
    return match


def _level_match(sink: Sink) -> dict[str, Any]:
    """Return which events a robot gets: without ``level`` warnings only."""
    level = sink.first("level", "Warning")
    types = {"Warning": "^Warning$", "Normal": "^(Normal|Warning)$"}
    return ({"type": types[level]} if level in types else {}) | _lists(sink)


def _lists(sink: Sink) -> dict[str, Any]:
    """Return what is asked for by its whole name."""
    found: dict[str, Any] = {}
    for ours, theirs in (("namespace", "namespaces"), ("kind", "kinds")):
        if values := sink.several(theirs):
            found[ours] = f"^({'|'.join(map(whole, values))})$"
    return found


def whole(value: str) -> str:
    """Return a name as an expression: an expression stays one, as kube-eventer's documentation has it of namespaces."""
    return value if is_re2(value) else re.escape(value)


def _dingtalk(sink: Sink, around: Surroundings, found: Found) -> None:
    what = f"the robot's address with its access_token: {addresses.shown(sink.uri.geturl())}"
    secret = (
        {"secret_file": "the secret that the argument sign holds"} if sink.first("sign") else {}
    )
    if not found.per_event:
        _digest(sink, "dingtalk", _level_match(sink), what, found, secret)
        return
    if secret:
        found.refuse(
            sink.title,
            "a robot that wants signed messages takes no plain request; without --per-event it gets the digest, signed",
        )
        return
    labels = sink.options.get("label", [])
    if sink.first("msg_type") == "markdown":
        layout = eventer_bodies.dingtalk_markdown(
            labels, sink.first("cluster_id"), sink.first("region"), around.zone
        )
    else:
        layout = eventer_bodies.dingtalk_text(labels, sink.first("msg_type", "text"), around.zone)
    _robot(sink, layout, what, found)


def _wechat(sink: Sink, around: Surroundings, found: Found) -> None:
    what = "the address of a group robot, to be made in the group: kube-eventer speaks as an application, which is not taken here"
    found.note(
        f"{sink.title}: corp_id, corp_secret, agent_id and to_user are of no use any more; a group robot is asked, and mentioned_users of the receiver names people"
    )
    if not found.per_event:
        _digest(sink, "wecom", _level_match(sink), what, found)
        return
    layout = eventer_bodies.wechat(sink.options.get("label", []), around.zone)
    _robot(sink, layout, what, found)


def _feishu(sink: Sink, around: Surroundings, found: Found) -> None:
    del around
    if found.per_event:
        found.refuse(sink.title, "its card is not rebuilt; without --per-event it gets the digest")
        return
    what = f"the robot's address: {addresses.shown(sink.uri.geturl())}"
    _digest(sink, "feishu", _level_match(sink), what, found)


def _robot(sink: Sink, layout: object, what: str, found: Found) -> None:
    """Add a target that sends each event to a robot."""
    name = found.name(sink.kind)
    settings = {
        "name": name,
        "layout": layout,
        "http": {"url_file": found.secret_file(f"{name}-url", what)},
    }
    comments = (
        f"kube-eventer's {sink.kind}, event for event. A robot takes 20 messages a minute; the digest (without --per-event) is one.",
    )
    found.targets.append(Entry(settings, comments))
    found.routes.append({"match": [{"receiver": name, **_level_match(sink)}]})


def _digest(
    sink: Sink,
    kind: str,
    match: dict[str, Any],
    what: str,
    found: Found,
    secrets: Mapping[str, str] | None = None,
) -> None:
    """Add a receiver of digests, and a rule that finds what the sink would have sent."""
    name = found.name(sink.kind if sink.kind != "webhook" else kind)
    target = {"url_file": found.secret_file(f"{name}-url", what)}
    for setting, told in (secrets or {}).items():
        target[setting] = found.secret_file(f"{name}-secret", told)
    labels = ", ".join(sink.options.get("label", []))
    comments = [
        f"kube-eventer's {sink.kind} sent a message for each event; this gets one digest. --per-event keeps the single messages."
    ]
    if labels:
        comments.append(f"Its label was {labels!r}: the digest names the cluster by itself.")
    found.receivers.append(Entry({"name": name, f"{kind}_configs": [target]}, tuple(comments)))
    found.rules.append(_rule(sink, name, match))
    namespaces = sink.several("namespaces")
    alert_route: dict[str, Any] = {
        "receiver": name,
        "matchers": [f'sink=~"|{name}"'],
        "continue": True,
    }
    if namespaces:
        alert_route["matchers"].append(f'namespace=~"|{"|".join(map(whole, namespaces))}"')
    found.alert_routes.append(alert_route)


def _rule(sink: Sink, name: str, match: dict[str, Any]) -> Entry:
    """Return the rule that counts what the sink would have sent, by namespace, kind and reason."""
    wanted: dict[str, Any] = {}
    if match.get("type") == "^Warning$":
        wanted["type"] = "Warning"
    for ours, theirs in (("namespace", "namespaces"), ("kind", "kinds")):
        if values := sink.several(theirs):
            wanted[ours] = f"=~{'|'.join(map(whole, values))}"
    if "reason" in match:
        wanted["reason"] = f"=~.*(?:{match['reason']}).*"
    if not wanted:
        wanted["type"] = ["Normal", "Warning"]
    severity = "warning" if wanted.get("type") == "Warning" else "info"
    settings = {
        "alert": "".join(part.capitalize() for part in re.split(r"\W+", name)) + "Events",
        "match": wanted,
        "by": ["cluster", "namespace", "kind", "reason"],
        "threshold": "> 0",
        "labels": {"severity": severity, "sink": name},
        "annotations": {
            "summary": "{{ value }} × {{ labels.reason }} on {{ labels.kind }} in {{ labels.namespace }}"
        },
    }
    return Entry(settings, (f"What {sink.title} would have sent.",))


def _kafka(sink: Sink, around: Surroundings, found: Found) -> None:
    del around
    name = found.name("kafka")
    kafka: dict[str, Any] = {
        "brokers": sink.options.get("brokers", []),
        "topic": sink.first("eventstopic", "heapster-events"),
        "client_id": "kafka-sink",
        "compression": sink.first("compression", "none"),
    }
    tls = {
        ours: sink.first(theirs)
        for ours, theirs in (("ca_file", "cacert"), ("cert_file", "cert"), ("key_file", "key"))
        if sink.first(theirs)
    }
    if tls:
        kafka["tls"] = {"enabled": True, **tls}
        if sink.first("insecuressl") in {"true", "1", "t", "T", "TRUE", "True"}:
            kafka["tls"]["insecure_skip_verify"] = True
    if sink.first("user") and sink.first("password"):
        password = found.secret_file(f"{name}-password", f"the password of {sink.title}")
        kafka["sasl"] = {
            "mechanism": "PLAIN",
            "username": sink.first("user"),
            "password_file": password,
        }
    settings = {"name": name, "layout": eventer_bodies.kafka(), "kafka": kafka}
    found.targets.append(
        Entry(settings, (f"kube-eventer's Kafka sink, record for record. {_LOST}",))
    )
    found.routes.append({"match": [{"receiver": name}]})


def _elasticsearch(sink: Sink, around: Surroundings, found: Found) -> None:
    del around
    name = found.name("elasticsearch")
    hosts = sink.options.get("nodes") or [f"{sink.uri.scheme}://{sink.uri.netloc}"]
    index = sink.first("index", "heapster")
    store: dict[str, Any] = {"hosts": hosts, "index": f"{index}-{{date:%Y.%m.%d}}"}
    if sink.first("esUserName") and sink.first("esUserSecret"):
        store["username"] = sink.first("esUserName")
        store["password_file"] = found.secret_file(
            f"{name}-password", f"esUserSecret of {sink.title}"
        )
    store |= addresses.reach(hosts)
    if "use_namespace" in sink.options:
        found.refuse(
            f"{sink.title}: use_namespace",
            "an index has no namespace in its name; the documents have one",
        )
    if sink.first("pipeline"):
        found.refuse(
            f"{sink.title}: pipeline", "make it the index's default: index.default_pipeline"
        )
    found.note(
        f"target {name}: kube-eventer puts each index behind the alias {index}-events; let your index template do so"
    )
    settings = {
        "name": name,
        "layout": eventer_bodies.elasticsearch(sink.first("cluster_name", "default")),
        "elasticsearch": store,
    }
    found.targets.append(
        Entry(settings, (f"kube-eventer's Elasticsearch sink, document for document. {_LOST}",))
    )
    found.routes.append({"match": [{"receiver": name}]})


def _log(sink: Sink, around: Surroundings, found: Found) -> None:
    del sink, around
    name = found.name("log")
    found.targets.append(
        Entry(
            {"name": name, "stdout": {}},
            ("kube-eventer's log sink; the form is the event as JSON.",),
        )
    )
    found.routes.append({"match": [{"receiver": name}]})


_LOST = (
    "Not in it: managedFields and the resourceVersion of the object, which the lake does not keep."
)
_READERS: dict[str, Callable[[Sink, Surroundings, Found], None]] = {
    "webhook": _webhook,
    "dingtalk": _dingtalk,
    "wechat": _wechat,
    "feishu": _feishu,
    "kafka": _kafka,
    "elasticsearch": _elasticsearch,
    "log": _log,
}
KINDS = frozenset(_READERS)
REFUSED = frozenset(_ELSEWHERE)

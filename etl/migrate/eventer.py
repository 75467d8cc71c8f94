"""kube-eventer's ``--sink=`` arguments to targets, receivers and what has no counterpart.

A sink that ends at the robot of a chat becomes a receiver of the digest and a rule that
finds the events that the sink would have sent; with ``per_event`` it becomes a target
that gets each event, with the body it had. Every other sink becomes a target. Sources:
kube-eventer's ``sinks/*`` and ``common/*`` (commits 0974bca and before).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlunsplit

from etl.migrate import addresses, eventer_bodies
from etl.migrate import eventer_robots as robots
from etl.migrate.eventer_digests import digest
from etl.migrate.expression import Value
from etl.migrate.found import SECRET, Entry, Found
from etl.migrate.gotext import TemplateError
from etl.migrate.leaf import Terms, escaped
from etl.migrate.payload import body
from etl.migrate.sink import Sink, Surroundings, parsed, webhook_match

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


def read(arguments: list[str], around: Surroundings, found: Found) -> None:
    """Add to ``found`` what the sinks in ``arguments`` become."""
    for number, argument in enumerate(arguments, 1):
        sink = parsed(argument, number)
        if sink is None:
            found.refuse(f"sink {number}", "is not KIND:ADDRESS")
        elif sink.kind in _READERS:
            _READERS[sink.kind](sink, around, found)
        else:
            why = _ELSEWHERE.get(sink.kind, "kube-eventer's documents do not know it either")
            found.refuse(sink.title, why)


def _webhook(sink: Sink, around: Surroundings, found: Found) -> None:
    rest = [(k, v) for k, vs in sink.options.items() if k not in _OWN for v in vs]
    url = urlunsplit(sink.uri._replace(query=urlencode(rest)))
    chat = addresses.chat(url)
    match = webhook_match(sink, found)
    if chat and not found.per_event:
        digest(
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
    if chat:
        found.note(robots.robot_note(name))
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
    given = sink.options.get("nodes") or [f"{sink.uri.scheme}://{sink.uri.netloc}"]
    hosts, user = addresses.without_users(given)
    index = sink.first("index", "heapster")
    store: dict[str, Any] = {"hosts": hosts, "index": f"{index}-{{date:%Y.%m.%d}}"}
    if user := sink.first("esUserName") or user:
        what = f"esUserSecret of {sink.title}, or the password in its address"
        store["username"] = user
        store["password_file"] = found.secret_file(f"{name}-password", what)
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
    "dingtalk": robots.dingtalk,
    "wechat": robots.wechat,
    "feishu": robots.feishu,
    "kafka": _kafka,
    "elasticsearch": _elasticsearch,
    "log": _log,
}
KINDS = frozenset(_READERS)
REFUSED = frozenset(_ELSEWHERE)

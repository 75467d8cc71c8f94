"""Logstash's pipeline from Kafka to Elasticsearch, to the one target that takes the place of both.

Read are a ``kafka`` input and an ``elasticsearch`` output; a filter would change the
documents, so a pipeline with one is refused. Source: Logstash's documentation of its
plugins and of its configuration's form.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

from etl.migrate import addresses
from etl.migrate.exporter_receivers import Receivers
from etl.migrate.expressions import joda_index
from etl.migrate.found import Entry, Found

_TOKEN = re.compile(
    r"""(?P<space>\s+|\#[^\n]*)|(?P<mark>=>|[{}\[\],])|"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>(?:[^'\\]|\\.)*)'|(?P<bare>[^\s{}\[\],"'=]+)"""
)
_VARIABLE = re.compile(r"\$\{\w+(?::[^}]*)?\}")
# What an output may set without changing what is stored where.
_HARMLESS = {
    "manage_template",
    "template_name",
    "template",
    "template_overwrite",
    "ssl",
    "ssl_enabled",
}
_HARMLESS |= {
    "ecs_compatibility",
    "ilm_enabled",
    "document_type",
    "sniffing",
    "action",
    "id",
    "retry_max_interval",
}


def is_pipeline(text: str) -> bool:
    """Whether ``text`` is a pipeline of Logstash."""
    return bool(re.search(r"^\s*(?:input|output)\s*\{", text, re.MULTILINE)) and "=>" in text


def read(text: str, receivers: Receivers, found: Found) -> None:
    """Change ``found``: a Kafka target whose topic the pipeline reads becomes what the pipeline writes."""
    pipeline = _parsed(text)
    if pipeline.get("filter"):
        found.refuse(
            "logstash: filter", "changes documents on the way; put the change into the layout"
        )
        return
    inputs = [one for kind, one in pipeline.get("input", []) if kind == "kafka"]
    outputs = [one for kind, one in pipeline.get("output", []) if kind == "elasticsearch"]
    for section in ("input", "output"):
        wanted = {"input": "kafka", "output": "elasticsearch"}[section]
        for kind, _ in pipeline.get(section, []):
            if kind != wanted:
                found.refuse(
                    f"logstash: {section} {kind}", "is not read; kafka and elasticsearch are"
                )
    topics = [topic for one in inputs for topic in _list(one.get("topics"))]
    for output in outputs:
        _output(output, topics, receivers, found)


def _output(output: dict[str, Any], topics: list[str], receivers: Receivers, found: Found) -> None:
    store = _store(output, found)
    if store is None:
        return
    sources = [receivers.targets[receivers.topics[t]] for t in topics if t in receivers.topics]
    if not sources:
        found.refuse(
            "logstash: topics",
            f"nothing that is migrated here writes to {', '.join(topics) or 'them'}; give the exporter's configuration too",
        )
    for number, entry in enumerate(found.targets):
        name = entry.settings["name"]
        if name not in sources:
            continue
        layout = entry.settings["layout"]
        if isinstance(layout, dict) and "$json" not in layout:
            # What Logstash adds, and what Kibana looks at.
            layout = {**layout, "@timestamp": "{{ observation.last_seen }}", "@version": "1"}
        else:
            found.note(
                "logstash: @timestamp is not put into whole events; take lastTimestamp for Kibana's time field, or write a layout"
            )
        settings = {"name": name, "layout": layout, "elasticsearch": store}
        topic = entry.settings["kafka"]["topic"]
        comments = (
            f"The way of {name} over Kafka ({topic}) and Logstash to Elasticsearch, at once: the same documents in the same index.",
            "Where others read the topic too, migrate without logstash.conf, and keep both.",
        )
        found.targets[number] = Entry(settings, comments)
        # Those of Kafka are of no use any more.
        sasl = entry.settings["kafka"].get("sasl", {})
        gone = {sasl.get("password"), sasl.get("password_file")}
        found.secrets[:] = [one for one in found.secrets if one.place not in gone]


def _store(output: dict[str, Any], found: Found) -> dict[str, Any] | None:
    index = joda_index(str(output.get("index", "logstash-%{+yyyy.MM.dd}")))
    if index is None:
        found.refuse(
            "logstash: index",
            "has fields of the event or parts of a date that are not translated; only year, month, day and hour are",
        )
        return None
    hosts, user = addresses.without_users([_bare(one) for one in _list(output.get("hosts"))])
    output = {"user": user, **output} if user else output
    for host in hosts:
        if _VARIABLE.fullmatch(host):
            found.kept_variable(host, "the address of Elasticsearch")
        if _VARIABLE.search(host):
            found.note(
                f"logstash: {host} has to be an address here, such as https://elastic.example:9200; write allow_http: true beside it for plain http, allow_private: true for a private address"
            )
    store: dict[str, Any] = {
        "hosts": [
            one if "$" in one or urlsplit(one).scheme in {"http", "https"} else f"http://{one}"
            for one in hosts
        ],
        "index": index,
    }
    store |= addresses.reach([one for one in store["hosts"] if "$" not in one])
    store |= _login(output, found)
    if output.get("document_id"):
        found.note(
            "logstash: document_id: an observation has an id of its own here, so that a repeat overwrites"
        )
    for key in output:
        if key not in {*_HARMLESS, "hosts", "user", "password", "index", "document_id"}:
            found.refuse(f"logstash: {key}", "has no counterpart")
    found.note(
        f"logstash: the index {index} is of the event's last_seen (UTC); Logstash takes the time at which it read the record"
    )
    return store


def _login(output: dict[str, Any], found: Found) -> dict[str, str]:
    """Return user and password, where the output has them."""
    if not output.get("user"):
        return {}
    login = {"username": _bare(str(output["user"]))}
    if _VARIABLE.fullmatch(login["username"]):
        found.kept_variable(login["username"], "the user of Elasticsearch")
    password = _bare(str(output.get("password", "")))
    if _VARIABLE.fullmatch(password):
        login["password"] = found.kept_variable(password, "the password for Elasticsearch")
    else:
        what = "the password of logstash's output"
        login["password_file"] = found.secret_file("elasticsearch-password", what)
    return login


def _bare(text: str) -> str:
    """Return a text with references to the environment that name no default."""
    return re.sub(r"\$\{(\w+):[^}]*\}", r"${\1}", text)


def _list(value: object) -> list[str]:
    if value is None:
        return []
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def _parsed(text: str) -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """Read sections of plugins with their settings."""
    tokens: list[tuple[str, str]] = []
    for match in _TOKEN.finditer(text):
        kind = str(match.lastgroup)
        if kind != "space":
            tokens.append((kind, match[kind]))
    found: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    while len(tokens) > 1:
        section = tokens.pop(0)[1]
        tokens.pop(0)
        plugins = found.setdefault(section, [])
        while tokens and tokens[0] != ("mark", "}"):
            plugin = tokens.pop(0)[1]
            plugins.append((plugin, _block(tokens)))
        if tokens:
            tokens.pop(0)
    return found


def _block(tokens: list[tuple[str, str]]) -> dict[str, Any]:
    """Read ``{ name => value … }``."""
    settings: dict[str, Any] = {}
    if tokens and tokens[0] == ("mark", "{"):
        tokens.pop(0)
    while tokens and tokens[0] != ("mark", "}"):
        name = tokens.pop(0)[1]
        if tokens and tokens[0] == ("mark", "=>"):
            tokens.pop(0)
            settings[name] = _value(tokens)
    if tokens:
        tokens.pop(0)
    return settings


def _value(tokens: list[tuple[str, str]]) -> object:
    kind, text = tokens.pop(0)
    if (kind, text) == ("mark", "["):
        items = []
        while tokens and tokens[0] != ("mark", "]"):
            one = tokens.pop(0)
            if one[0] != "mark":
                items.append(one[1])
        if tokens:
            tokens.pop(0)
        return items
    # A codec is a plugin with settings of its own.
    return _block(tokens) if tokens and tokens[0] == ("mark", "{") else text


def template(text: str, found: Found) -> bool:
    """Look at an index template of Elasticsearch beside the rest; false where ``text`` is none."""
    try:
        data = json.loads(text)
    except ValueError:
        # The caller knows other forms.
        return False
    if not isinstance(data, dict) or "index_patterns" not in data:
        return False
    patterns = ", ".join(map(str, data["index_patterns"]))
    found.note(
        f"the index template for {patterns} stays as it is: Elasticsearch applies it by the name of the index, so template: true is not written"
    )
    return True

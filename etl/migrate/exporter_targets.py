"""Receivers of kubernetes-event-exporter that become targets: what is sent stays what it was."""

from __future__ import annotations

from typing import Any

from etl.migrate import addresses
from etl.migrate.expressions import go_index
from etl.migrate.found import SECRET, Entry, Found
from etl.migrate.given import UNUSED, VARIABLE, Given, hosts, layout, secret, tls, unused
from etl.migrate.gotext import TemplateError
from etl.migrate.leaf import escaped

_MECHANISMS = {"": "PLAIN", "plain": "PLAIN", "sha256": "SCRAM-SHA-256", "sha512": "SCRAM-SHA-512"}


def kafka(given: Given, names: dict[str, str], found: Found) -> None:
    """Add a topic of Kafka."""
    if (given.settings.get("avro") or {}).get("schemaID"):
        raise TemplateError(f"avro {UNUSED['avro']}")
    name = _named(given, names, found)
    kafka: dict[str, Any] = {
        "brokers": given.settings.get("brokers") or [],
        "topic": escaped(given.text("topic")),
        "compression": given.text("compressionCodec") or "none",
    }
    if given.text("clientId"):
        kafka["client_id"] = given.text("clientId")
    if (told := given.settings.get("tls") or {}).get("enable"):
        kafka["tls"] = {"enabled": True, **tls(told, given, found)}
    if (sasl := given.settings.get("sasl") or {}).get("enable"):
        login = Given(given.name, given.kind, sasl, given.cluster)
        mechanism = login.text("mechanism")
        kafka["sasl"] = {
            "mechanism": _MECHANISMS.get(mechanism, "PLAIN"),
            "username": login.text("username"),
            **secret(login, "password", found, name),
        }
        if mechanism not in _MECHANISMS:
            found.refuse(
                f"receiver {given.name}: sasl.mechanism", "is not known; PLAIN stands in for it"
            )
    unused(
        given,
        ("brokers", "topic", "compressionCodec", "clientId", "tls", "sasl", "layout", "avro"),
        found,
    )
    _target(given, names, found, "kafka", kafka)


def store(given: Given, names: dict[str, str], found: Found) -> None:
    """Add an index of Elasticsearch or OpenSearch."""
    name = _named(given, names, found)
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
    where, login = hosts(given, found, name)
    store: dict[str, Any] = {"hosts": where, "index": index}
    if given.settings.get("useEventID"):
        store["id"] = "event"
    if given.settings.get("deDot"):
        store["dedot"] = True
    if given.text("apiKey"):
        store |= secret(given, "apiKey", found, name)
    elif given.text("username"):
        store["username"] = given.text("username")
        store |= secret(given, "password", found, name)
    else:
        store |= login
    if secured := tls(given.settings.get("tls") or {}, given, found):
        store["tls"] = secured
    store |= addresses.reach(where)
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
    unused(given, (*known, "tls", "layout", "type"), found)
    if given.text("type"):
        found.note(f"receiver {given.name}: type: {UNUSED['type']}")
    _target(given, names, found, given.kind, store)


def webhook(given: Given, names: dict[str, str], found: Found) -> None:
    """Add an address that takes a request for each event."""
    url = given.text("endpoint")
    name = _named(given, names, found)
    http: dict[str, Any] = {}
    if VARIABLE.fullmatch(url):
        http["url"] = found.kept_variable(url, f"the address of receiver {given.name}")
    else:
        http["url_file"] = found.secret_file(
            f"{name}-url", f"the address of receiver {given.name}: {addresses.shown(url)}"
        )
    headers = {}
    for key, value in (given.settings.get("headers") or {}).items():
        if SECRET.search(key) and "{{" not in str(value):
            if VARIABLE.search(str(value)):
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
    unused(given, ("endpoint", "headers", "layout"), found)
    _target(given, names, found, "http", http)


def file(given: Given, names: dict[str, str], found: Found) -> None:
    """Add a file of JSON lines."""
    unused(given, ("path", "layout"), found)
    _target(given, names, found, "file", {"path": given.text("path")})


def stdout(given: Given, names: dict[str, str], found: Found) -> None:
    """Add standard output."""
    unused(given, ("layout",), found)
    _target(given, names, found, "stdout", {})


def slack(given: Given, names: dict[str, str], found: Found) -> None:
    """Add the messages of a Slack channel, by its API."""
    name = _named(given, names, found)
    token = given.text("token")
    if VARIABLE.fullmatch(token):
        reference = found.kept_variable(token, f"the token of receiver {given.name}")
    else:
        reference = found.secret_variable(f"{name}-token", f"the token of receiver {given.name}")
    message: dict[str, Any] = {"channel": given.text("channel"), "text": given.text("message")}
    fields = given.settings.get("fields")
    if fields is not None:
        attachment = {
            key: given.text(key)
            for key in ("color", "title", "author_name", "footer")
            if given.text(key)
        }
        rows = [{"title": key, "value": str(fields[key])} for key in sorted(fields)]
        message["attachments"] = [{**attachment, "fields": rows}]
    made = Given(given.name, given.kind, {"layout": message}, given.cluster)
    entry = layout(made, found)
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


def _target(given: Given, names: dict[str, str], found: Found, kind: str, settings: Any) -> None:  # noqa: ANN401 -- of each kind
    """Add a target with the receiver's document."""
    name = names.get(given.name) or found.name(given.name)
    names[given.name] = name
    entry = {
        "name": name,
        "layout": found.without_secrets(layout(given, found), name, f"receiver {given.name}"),
        kind: settings,
    }
    comment = (
        f"kubernetes-event-exporter's receiver {given.name} ({given.kind}), document for document."
    )
    found.targets.append(Entry(entry, (comment,)))


def _named(given: Given, names: dict[str, str], found: Found) -> str:
    """Return the name that the target will have, for its secrets."""
    return names.setdefault(given.name, found.name(given.name))

"""One receiver of kubernetes-event-exporter: its settings, its document as a layout, its secrets.

A layout is a tree of Go templates; each becomes a leaf of ours. What Go makes of the
rest stays as it is: a number in a layout is sent as null.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from etl.migrate import addresses
from etl.migrate.expression import Value, literal
from etl.migrate.found import Found
from etl.migrate.gotext import TemplateError
from etl.migrate.leaf import Terms, translate

VARIABLE = re.compile(r"\$(?:\{\w+\}|\w+)")
_LABEL = re.compile(r"involvedObject\.labels\.get\('([^']*)'")

# What kubernetes-event-exporter takes from the environment before it reads anything; actions are left alone.
_SHORT = re.compile(r"\{\{.*?\}\}|\$(?P<name>[A-Za-z_]\w*)", re.DOTALL)
UNUSED = {
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


@dataclass(frozen=True, slots=True)
class Given:
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
        template = _SHORT.sub(
            lambda one: f"${{{one['name']}}}" if one["name"] else one[0], template
        )
        leaf = translate(template, self.terms)
        return (
            leaf
            if self.cluster
            else leaf.replace("exporter_event(event, cluster)", "exporter_event(event, '')")
        )


def layout(given: Given, found: Found) -> object:
    """Return the document that a receiver sends; raises ``TemplateError``."""
    tree = given.settings.get("layout")
    if tree is None:
        name = "cluster" if given.cluster else literal("")
        if not given.cluster:
            found.note(
                f"receiver {given.name}: clusterName is empty in its documents, as it was; exporter_event(event, cluster) names the cluster"
            )
        return {"$json": f"exporter_event(event, {name})"}
    return _leaves(tree, given, found, f"receiver {given.name}: layout")


def _leaves(tree: object, given: Given, found: Found, path: str) -> object:
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


def secret(given: Given, key: str, found: Found, name: str) -> dict[str, str]:
    """Return a secret: by file, or as the reference to the environment that it was."""
    value = given.text(key)
    ours = {"apiKey": "api_key"}.get(key, key)
    if not value:
        return {}
    if VARIABLE.fullmatch(value):
        return {ours: found.kept_variable(value, f"{key} of receiver {given.name}")}
    return {f"{ours}_file": found.secret_file(f"{name}-{ours}", f"{key} of receiver {given.name}")}


def tls(told: Mapping[str, Any], given: Given, found: Found) -> dict[str, Any]:
    """Return how a connection is secured, in our words."""
    kept = {
        ours: str(told[theirs])
        for ours, theirs in (
            ("ca_file", "caFile"),
            ("cert_file", "certFile"),
            ("key_file", "keyFile"),
        )
        if told.get(theirs)
    }
    if told.get("serverName"):
        found.refuse(
            f"receiver {given.name}: tls.serverName",
            "the certificate must name the address that is used",
        )
    return kept | ({"insecure_skip_verify": True} if told.get("insecureSkipVerify") else {})


def unused(given: Given, known: tuple[str, ...], found: Found) -> None:
    """Tell which settings of a receiver have no counterpart."""
    for key, value in given.settings.items():
        if key in known or value in (None, "", False):
            continue
        why = UNUSED.get(key, "is not known of it")
        found.refuse(f"receiver {given.name}: {key}", why)


def hosts(given: Given, found: Found, name: str) -> tuple[list[str], dict[str, str]]:
    """Return the addresses of a store without what some of them hold of a user, and that as settings."""
    kept, user = addresses.without_users(list(map(str, given.settings.get("hosts") or [])))
    if not user or given.text("username") or given.text("apiKey"):
        return kept, {}
    what = f"the password of receiver {given.name}, which stands in an address of its hosts"
    return kept, {"username": user, "password_file": found.secret_file(f"{name}-password", what)}

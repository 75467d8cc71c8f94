"""Sends the digest to a webhook in a shape of the operator's own, or as plain data.

The payload is a tree whose leaves are templates over ``render.to_json``; it shrinks with
the digest until the encoded body fits. ``webhook-id`` stays the same over all attempts,
so a receiver can tell a repeat; a header says when one is possible.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import ClassVar
from urllib.parse import quote

from etl.alerts import alertform, render, specimen
from etl.alerts.compose import Plan
from etl.alerts.model import Digest
from etl.alerts.receivers.target import Outside, Part, budget_at
from etl.alerts.tidy import tidy
from etl.config.receivers import WebhookConfig
from etl.wire import budget, headers, http, sealed, secrets, signing, templates
from etl.wire.outcome import Outcome

_TYPES = {"cloudevents": "application/cloudevents+json; charset=utf-8"}
# Every party on the way has to take a CloudEvent of 64 KiB, and none a larger one.
_ANY = 1 << 40
_LARGEST = {"cloudevents": 64 * 1024}
# Stands where the id of the delivery will, so that what is measured is what is sent.
_SOME_ID = "0" * 32
_AN_INSTANT = datetime(2026, 1, 2, 9, tzinfo=UTC)


class Webhook:
    """An address that takes JSON."""

    kind: ClassVar[str] = "webhook"
    spacing: ClassVar[timedelta] = timedelta(0)

    def __init__(self, config: WebhookConfig, outside: Outside) -> None:
        """Speak to the address that ``config`` names."""
        self._config = config
        self._outside = outside

    @property
    def patience(self) -> timedelta:
        """The configured timeout."""
        return self._config.timeout

    def prepare(self, digest: Digest, *, step: int = 0) -> list[Part]:
        """Return the payload under the first plan whose encoded body fits; raises ``LeafError``."""
        limit = budget_at(
            min(self._config.max_bytes, _LARGEST.get(self._config.format, _ANY)), step
        )
        digest = tidy(digest)
        part = render.first_fitting(
            lambda plan: self._part(digest, plan),
            lambda made: max(_size(made.payload), _size(made.repeat)) <= limit,
        )
        if part is None:
            raise templates.LeafError(
                f"the payload takes more than {limit} bytes even without rows; raise max_bytes"
            )
        return [part]

    def send(self, payload: object, *, delivery_id: str, repeat: bool, now: datetime) -> Outcome:
        """Send the prepared body, signed; the status alone tells what happened."""
        opened = sealed.unseal(payload, self._outside.environ)
        form = self._config.format
        document = _body(opened)
        if form == "cloudevents" and isinstance(document, Mapping):
            # The same over all attempts, so that a receiver can tell a repeat.
            document = {**document, "id": delivery_id}
        body = budget.encode(document)
        sent = {
            "Content-Type": _TYPES.get(form, "application/json; charset=utf-8"),
            **_headers(opened),
            "webhook-id": delivery_id,
            **self._signature(delivery_id, body, now),
        }
        if repeat:
            sent["Eventlake-Possible-Repeat"] = "true"
        answer = http.send(
            http.Request(self._config.method, body, sent),
            self._url,
            http.Guard(
                allow_http=self._config.allow_http,
                allow_private=self._config.allow_private,
                timeout=self._config.timeout,
            ),
            environ=self._outside.environ,
        )
        return http.judge(answer, now=now)

    def preview(self, digest: Digest) -> str:
        """Return the body, indented."""
        body = _body(self.prepare(digest)[0].payload)
        return json.dumps(body, ensure_ascii=False, indent=2)

    def address(self) -> str:
        """Return the address."""
        return self._url

    @cached_property
    def _url(self) -> str:
        return secrets.address(
            url=self._config.url, url_file=self._config.url_file, environ=self._outside.environ
        )

    def _signature(self, delivery_id: str, body: bytes, now: datetime) -> dict[str, str]:
        secret = secrets.value(
            text=self._config.signing_secret,
            file=self._config.signing_secret_file,
            environ=self._outside.environ,
        )
        if not secret:
            return {}
        return signing.standard_webhooks(secret, now, name=delivery_id, body=body)

    def _part(self, digest: Digest, plan: Plan) -> Part:
        if self._config.format == "alertmanager":
            shown = [f for f in alertform.every(digest) if plan.shown(f.severity)]
            kept = shown[: max(plan.critical, plan.others)]
            body = alertform.webhook(digest, self.kind, kept)
            part = {
                "body": body,
                "headers": self._rendered(render.to_json(digest, plan))["headers"],
            }
            # Alerts are what they are however often they come.
            return Part(part, part)
        data = render.to_json(digest, plan)
        return Part(self._rendered(data), self._rendered(render.repeated(data, digest)))

    def _rendered(self, data: dict[str, object]) -> dict[str, object]:
        context = {**data, "digest": data}

        def rendered(tree: object) -> object:
            return templates.render_tree(tree, context)

        tree = self._config.payload
        plain = _event(data) if self._config.format == "cloudevents" else data
        return {
            "body": plain if tree is None else sealed.seal(tree, rendered),
            "headers": sealed.seal(self._config.headers, rendered),
        }


def check(config: WebhookConfig, path: str) -> list[str]:
    """Return the mistakes in payload and headers: those that reading finds, else those of a trial."""
    data = render.to_json(specimen.specimen(_AN_INSTANT))
    names = {*data, "digest"}
    mistakes = templates.check_tree(config.payload, f"{path}.payload", names=names)
    for name, value in config.headers.items():
        where = f"{path}.headers.{name}"
        if not headers.may_be_set(name):
            mistakes.append(f"{where}: this header cannot be set")
        mistakes += templates.check_leaf(value, where, names=names)
    return mistakes or _trial(config, path)


def _trial(config: WebhookConfig, path: str) -> list[str]:
    """Render a full and an empty digest: what fails on either would fail some morning."""
    webhook = Webhook(config, Outside({}, io.StringIO()))
    for digest in (specimen.specimen(_AN_INSTANT), specimen.bare(_AN_INSTANT)):
        try:
            webhook.prepare(digest)
        except templates.LeafError as error:
            return [f"{path}: on a trial digest, {error}"]
    return []


def _headers(payload: object) -> dict[str, str]:
    given = payload.get("headers") if isinstance(payload, Mapping) else None
    return (
        {k: headers.value(str(v)) for k, v in given.items()} if isinstance(given, Mapping) else {}
    )


def _body(payload: object) -> object:
    return payload.get("body") if isinstance(payload, Mapping) else None


def _event(data: Mapping[str, object]) -> dict[str, object]:
    """Return the digest as a CloudEvent in its structured form."""
    window, names = data["window"], data["clusters"]
    assert isinstance(window, Mapping)  # noqa: S101 - of ``to_json``
    assert isinstance(names, list | tuple)  # noqa: S101 - the same
    return {
        "specversion": "1.0",
        "id": _SOME_ID,
        "source": "/eventlake/" + ",".join(quote(str(name), safe="") for name in names),
        "type": "io.eventlake.digest",
        "time": window["end"],
        "datacontenttype": "application/json",
        "data": data,
    }


def _size(payload: object) -> int:
    return len(budget.encode(_body(payload)))

"""Receivers, heartbeat and metrics to whether they could be told something: secrets read, addresses reached, nothing sent."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from etl.checkup.checked import Checked, fail, ok, warn
from etl.config.settings import Settings
from etl.config.targets import SECRETS, targets_of
from etl.errors import DeliveryError
from etl.wire import knock, secrets
from etl.wire.http import Guard
from etl.wire.outcome import TransportError
from etl.wire.secrets import SecretError

_PATIENCE = timedelta(seconds=10)
_ADDRESSES = ("url", "api_url")


def examined(settings: Settings, environ: Mapping[str, str]) -> Iterator[Checked]:
    """Yield a line for each target of each receiver, and for who watches."""
    if not settings.receivers:
        yield warn("receivers", "none: digests are printed", "name one; see docs/receivers.md")
    for receiver in settings.receivers:
        for kind, index, target in targets_of(receiver):
            place = f"{kind.removesuffix('_configs')}[{index}]"
            given = {f: getattr(target, f) for f in target.__struct_fields__}
            yield _target(f"receiver {receiver.name}, {place}", given, environ)
    if settings.heartbeat.wanted:
        yield _target("heartbeat", msgspec.structs.asdict(settings.heartbeat), environ)
    if settings.metrics.pushgateway.wanted:
        given = msgspec.structs.asdict(settings.metrics.pushgateway)
        yield _target("metrics.pushgateway", given, environ)
    if settings.metrics.textfile:
        yield _folder("metrics.textfile", Path(settings.metrics.textfile).expanduser().parent)


def _target(subject: str, given: Mapping[str, Any], environ: Mapping[str, str]) -> Checked:
    """Examine one target by the names of its settings, so that a new kind needs no line here."""
    try:
        address = _resolved(given, environ)
    except SecretError as error:
        advice = "create the Secret or the variable, and mount it where the configuration says"
        return fail(subject, str(error), advice, code=SecretError.exit_code)
    if folder := given.get("folder"):
        return _folder(subject, Path(folder).expanduser())
    guard = Guard(
        given.get("allow_http", False),
        given.get("allow_private", False),
        min(given.get("timeout", _PATIENCE), _PATIENCE),
    )
    try:
        if host := given.get("host"):
            tls = given.get("tls") == "tls"
            knock.at(host, given["port"], guard, tls=tls, environ=environ)
            return ok(subject, f"{host} is reachable")
        if address and "allow_http" in given:
            return ok(subject, knock.at_url(address, guard, environ=environ))
    except TransportError as error:
        advice = "check the address, egress rules and the proxy; eventlake receivers test sends a message"
        return fail(subject, str(error), advice, code=DeliveryError.exit_code)
    # A console, and what apprise speaks: there is no door of theirs to knock at.
    return ok(subject, "set up")


def _resolved(given: Mapping[str, Any], environ: Mapping[str, str]) -> str:
    """Read every secret of a target; return its address, empty if it has none. Raises ``SecretError``."""
    address = ""
    for name in SECRETS:
        if given.get(name) or given.get(f"{name}_file"):
            text, file = given.get(name, ""), given.get(f"{name}_file", "")
            if name == "url":
                address = secrets.address(url=text, url_file=file, environ=environ)
            else:
                secrets.value(text=text, file=file, environ=environ)
    for value in (given.get("headers") or {}).values():
        secrets.expand(str(value), environ)
    return address or next((given[name] for name in _ADDRESSES if given.get(name)), "")


def _folder(subject: str, folder: Path) -> Checked:
    if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
        return ok(subject, f"{folder} can be written to")
    detail = f"{folder} is {'not writable' if folder.exists() else 'not there'}"
    advice = "mount it, and let the job's user write there"
    return fail(subject, detail, advice, code=DeliveryError.exit_code)

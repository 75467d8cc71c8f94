"""An alert that always fires, for Alertmanagers that are to notice when eventlake is silent.

Each run that went well says until when it is to be believed. When no such run comes, the alert ends by
itself, and what Alertmanager does about the end of it is what wakes somebody.
"""

from __future__ import annotations

import logging
from datetime import datetime

from etl.alerts.receivers import placed
from etl.alerts.receivers.alertmanager import Alertmanager
from etl.alerts.receivers.target import Outside
from etl.config.settings import Settings
from etl.log import redact
from etl.wire.outcome import TransportError
from etl.wire.secrets import SecretError

_log = logging.getLogger(__name__)


def bark(settings: Settings, outside: Outside, *, cluster: str, now: datetime) -> None:
    """Send the alert to every Alertmanager that wants it, past the outbox: a sign of life from yesterday is none.

    What cannot be sent is logged and nothing else: the alert ends, and that tells it.
    """
    for item in placed(settings, outside):
        if not isinstance(item.target, Alertmanager):
            continue
        try:
            outcome = item.target.bark(cluster, now)
        except (TransportError, SecretError) as error:
            _log.warning("the watchdog of %s was not heard: %s", item.name, redact(str(error)))
            continue
        if outcome is not None and not outcome.delivered:
            _log.warning("the watchdog of %s was not heard: %s", item.name, redact(outcome.detail))

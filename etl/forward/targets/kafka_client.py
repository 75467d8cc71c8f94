"""Settings of a Kafka target to the words of librdkafka, with what an exact receipt needs of it.

Order and no gap: the producer is idempotent, with ``enable.gapless.guarantee`` a batch that the
broker refuses stops the producer instead of being skipped, and a message never times out by
itself (which would be a gap too): who sends gives up, and purges. A message is refused for its
size by the broker, which knows its limit, and not by a guess here.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from etl.config.forwarding import KafkaTarget, TlsConfig
from etl.errors import UsageError, quoted
from etl.log import redact
from etl.wire import secrets, trust

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Producer

# librdkafka's own: what is larger than a Kafka broker takes by default is for the broker to say.
_LARGEST_MESSAGE = 100_000_000
# Of a batch that is compressed afterwards; a broker takes 1,048,588 bytes by default.
_LARGEST_BATCH = 500_000
# A broker that was restarted is found again within a second.
_LONGEST_BACKOFF_MS = 1_000
_LONGEST_CONNECT_MS = 10_000
# What librdkafka calls 4 is a warning; above it, it tells of each connection.
_WARNINGS = 4

# That a setting is experimental is known; what stops the producer is found by who sends.
_SAID_ELSEWHERE = frozenset({"CONFWARN", "FATAL"})
_THREAD = re.compile(r"^\[thrd:[^]]*\]: ")
_COUNTS = re.compile(r"\d+|\(after [^)]*\)")

_log = logging.getLogger(__name__)


class _Lines(logging.Logger):
    """Takes librdkafka's lines, which tell of each attempt: one of a kind is a warning of ours, without secrets."""

    def __init__(self) -> None:
        super().__init__("librdkafka")
        self._told: set[str] = set()

    def handle(self, record: logging.LogRecord) -> None:
        """Hand on what was not said yet."""
        facility, _, told = record.args if isinstance(record.args, tuple) else ("", "", "")
        if facility in _SAID_ELSEWHERE:
            return
        text = quoted(redact(_THREAD.sub("", str(told))))
        if (kind := _COUNTS.sub("", text)) not in self._told:
            self._told.add(kind)
            _log.warning("the client for Kafka says: %s", text)


def producer(
    target: KafkaTarget, environ: Mapping[str, str], *, told: Callable[[KafkaError], None]
) -> Producer:
    """Return a producer for ``target``, which connects by itself; ``told`` gets its errors while it is polled.

    Raises ``SecretError``, and ``UsageError`` for what the client cannot work with: files of TLS
    that are not there, a client that is not installed.
    """
    try:
        # An extra, which only those who have such a target pay for.
        import confluent_kafka as client  # noqa: PLC0415
    except ImportError as error:
        raise UsageError(
            "the client of kafka is not installed; run: pip install 'eventlake[kafka]'"
        ) from error
    try:
        return client.Producer({**words(target, environ), "error_cb": told}, logger=_Lines())
    except (client.KafkaException, ValueError) as error:
        raise UsageError(f"the client for Kafka refuses its settings: {reason(error)}") from error


def words(target: KafkaTarget, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return librdkafka's configuration; raises ``SecretError``."""
    milliseconds = max(round(target.timeout.total_seconds() * 1000), 1000)
    told: dict[str, Any] = {
        "bootstrap.servers": ",".join(target.brokers),
        "client.id": target.client_id,
        "compression.type": target.compression,
        "enable.idempotence": True,
        "enable.gapless.guarantee": True,
        "acks": "all",
        "message.timeout.ms": 0,
        # As Java's clients place a key, so that others who write to the topic meet it there.
        "partitioner": "murmur2_random",
        "message.max.bytes": _LARGEST_MESSAGE,
        "batch.size": _LARGEST_BATCH,
        "reconnect.backoff.max.ms": _LONGEST_BACKOFF_MS,
        "socket.connection.setup.timeout.ms": min(milliseconds, _LONGEST_CONNECT_MS),
        # A topic that is not there is told before patience ends.
        "topic.metadata.propagation.max.ms": milliseconds // 2,
        # Nobody asked for figures about us to be pushed to the broker.
        "enable.metrics.push": False,
        "log_level": _WARNINGS,
        "security.protocol": _protocol(target),
    }
    if target.tls.enabled:
        told |= _tls(target.tls, environ)
    if target.sasl.mechanism:
        told |= {
            "sasl.mechanism": target.sasl.mechanism,
            "sasl.username": secrets.expand(target.sasl.username, environ),
            "sasl.password": secrets.value(
                text=target.sasl.password, file=target.sasl.password_file, environ=environ
            ),
        }
    return told


def reason(error: object) -> str:
    """Return what an error of the client says, in one line without secrets."""
    inner = getattr(error, "args", None)
    told = inner[0] if inner else error
    text = told.str() if hasattr(told, "str") else str(told)
    return quoted(redact(text))


def _protocol(target: KafkaTarget) -> str:
    wire = "ssl" if target.tls.enabled else "plaintext"
    return f"sasl_{wire}" if target.sasl.mechanism else wire


def _tls(tls: TlsConfig, environ: Mapping[str, str]) -> dict[str, Any]:
    told: dict[str, Any] = {"ssl.ca.location": tls.ca_file or trust.authorities(environ)}
    if tls.cert_file:
        told |= {"ssl.certificate.location": tls.cert_file, "ssl.key.location": tls.key_file}
    if tls.insecure_skip_verify:
        told["enable.ssl.certificate.verification"] = False
    return told

"""Targets of the configuration to their senders.

A kind that needs a client imports it here and only when it is opened, because it costs
up to half a second, and because most people have not installed it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TextIO

from etl.config.forwarding import Target
from etl.forward.sending import Sender


@dataclass(frozen=True, slots=True)
class Outside:
    """What a sender may use of the world: the environment's variables, standard output, the time."""

    environ: Mapping[str, str]
    stdout: TextIO
    now: datetime


def opened(target: Target, outside: Outside) -> Sender:
    """Return an open way to ``target``, whose settings were checked.

    Raises ``SecretError`` where a secret cannot be read, and ``UsageError`` that names the
    extra where its client is not installed.
    """
    if target.kafka:
        from etl.forward.targets.kafka import KafkaSender  # noqa: PLC0415 -- see above

        return KafkaSender(target.kafka, outside.environ)
    if target.elasticsearch:
        from etl.forward.targets.elastic import open_elasticsearch  # noqa: PLC0415 -- see above

        return open_elasticsearch(target.elasticsearch, environ=outside.environ)
    if target.opensearch:
        from etl.forward.targets.elastic import open_opensearch  # noqa: PLC0415 -- see above

        return open_opensearch(target.opensearch, environ=outside.environ)
    if target.http:
        from etl.forward.targets.http import HttpSender  # noqa: PLC0415 -- see above

        return HttpSender(target.http, outside.environ, outside.now)
    if target.file:
        from etl.forward.targets.file import FileSender  # noqa: PLC0415 -- see above

        return FileSender(target.file)
    from etl.forward.targets.stdout import StdoutSender  # noqa: PLC0415 -- see above

    return StdoutSender(outside.stdout)

"""Files and arguments of other exporters to one configuration of ours, and what there is to say about it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from etl.errors import ConfigError, InputError
from etl.migrate import eventer, exporter, logstash, proof, written
from etl.migrate.exporter_receivers import Receivers
from etl.migrate.found import Found
from etl.migrate.proof import Rendered
from etl.migrate.sink import Surroundings
from etl.migrate.sources import Sources
from etl.wire.templates import LeafError

_VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Migrated:
    """The configuration, what was found for it, and what its targets would send of a sample event."""

    text: str
    found: Found
    rendered: list[Rendered]


def migrate(files: Sequence[Path], sinks: Sequence[str], *, per_event: bool) -> Migrated:
    """Return what ``files`` and ``--sink`` arguments become, proven by a sample event.

    Raises ``InputError`` where a file cannot be read, or nothing has a counterpart.
    """
    found, sources = Found(per_event=per_event), Sources()
    for path in files:
        sources.add(path, found)
    sources.sinks += sinks
    if sources.zone:
        found.general["timezone"] = sources.zone
    around = Surroundings(sources.bodies, sources.zone)
    eventer.read(sources.sinks, around, found)
    receivers = Receivers()
    for config in sources.configs:
        read = exporter.read(config, found)
        receivers.targets |= read.targets
        receivers.topics |= read.topics
    for pipeline in sources.pipelines:
        logstash.read(pipeline, receivers, found)
    if found.is_empty():
        refused = "; ".join(map(str, found.refusals)) or "there is no sink and no receiver"
        raise InputError(f"nothing of it has a counterpart: {refused}")
    names = [path.name for path in files] + (["--sink"] if sinks else [])
    text = written.configuration(found, names)
    try:
        _, rendered = proof.prove(text, _VARIABLE.findall(text))
    except (ConfigError, LeafError) as error:
        # What was given is at fault where it names no port or no zone that there is; else this is.
        raise InputError(f"what was made of it is no configuration: {error}") from error
    return Migrated(text, found, rendered)

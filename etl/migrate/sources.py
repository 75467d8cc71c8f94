"""Files that a team has, to what they hold: sink arguments, exporter configurations, pipelines, bodies, whatever they are wrapped in.

A file may be the manifests of an installation (Deployments, ConfigMaps, Lists of them),
a bare configuration, lines with ``--sink=`` arguments, a pipeline of Logstash, or an
index template of Elasticsearch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from etl.errors import InputError, quoted
from etl.migrate import exporter, logstash
from etl.migrate.found import Found

_CONTAINERS = ("initContainers", "containers")
# What a file of settings can reasonably have.
_LARGEST = 10_000_000


@dataclass(slots=True)
class Sources:
    """What the files held."""

    sinks: list[str] = field(default_factory=list)
    bodies: dict[tuple[str, str], str] = field(default_factory=dict)
    configs: list[Mapping[str, Any]] = field(default_factory=list)
    pipelines: list[str] = field(default_factory=list)
    zone: str = ""

    def add(self, path: Path, found: Found) -> None:
        """Read one file; raises ``InputError`` where nothing in it is known."""
        text = _text(path)
        before = self._size()
        if logstash.is_pipeline(text):
            self.pipelines.append(text)
        elif not logstash.template(text, found):
            self._lines_or_yaml(path, text)
        elif not self._size() - before:
            return
        if self._size() == before:
            message = f"{path}: holds no sinks of kube-eventer, no configuration of kubernetes-event-exporter, no body and no pipeline"
            raise InputError(message)

    def _size(self) -> int:
        return len(self.sinks) + len(self.bodies) + len(self.configs) + len(self.pipelines)

    def _lines_or_yaml(self, path: Path, text: str) -> None:
        lines = [line.strip() for line in text.splitlines()]
        lines = [line for line in lines if line and not line.startswith("#")]
        if lines and all(line.startswith("--") for line in lines):
            self.sinks += [line for line in lines if line.startswith("--sink")]
            return
        for document in _loaded(str(path), text):
            self._document(document)

    def _document(self, document: object) -> None:
        if not isinstance(document, Mapping):
            return
        if exporter.is_config(document):
            self.configs.append(document)
        elif document.get("kind") == "ConfigMap":
            self._config_map(document)
        elif isinstance(document.get("items"), list):
            for one in document["items"]:
                self._document(one)
        else:
            for container in _containers(document):
                self._container(container)

    def _config_map(self, document: Mapping[str, Any]) -> None:
        metadata = _mapping(document.get("metadata"))
        for key, value in _mapping(document.get("data")).items():
            if not isinstance(value, str):
                continue
            if key == "content":
                place = (str(metadata.get("namespace") or ""), str(metadata.get("name")))
                self.bodies[place] = value
            elif logstash.is_pipeline(value):
                self.pipelines.append(value)
            elif key.endswith((".yaml", ".yml")):
                self.configs += filter(
                    exporter.is_config, _loaded(f"ConfigMap {metadata.get('name')}", value)
                )

    def _container(self, container: Mapping[str, Any]) -> None:
        words = [str(w) for k in ("command", "args") for w in _list(container.get(k))]
        sinks = [
            f"--sink={words[i + 1]}" if word == "--sink" and i + 1 < len(words) else word
            for i, word in enumerate(words)
            if word.startswith("--sink")
        ]
        self.sinks += sinks
        if not sinks:
            return
        for variable in _list(container.get("env")):
            if (
                isinstance(variable, Mapping)
                and variable.get("name") == "TZ"
                and variable.get("value")
            ):
                self.zone = str(variable["value"])


def _loaded(name: str, text: str) -> list[Any]:
    """Return the documents of a YAML text; raises ``InputError``."""
    try:
        return list(yaml.load_all(text, Loader=yaml.CSafeLoader))
    except yaml.YAMLError as error:
        problem = quoted(str(getattr(error, "problem", None) or "it is no YAML"))
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise InputError(f"{name}: cannot be read as YAML{where}: {problem}") from error


def _mapping(value: object) -> Mapping[str, Any]:
    """Return a mapping, empty where something else stands: what it is part of is not what is looked for."""
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST:
            raise InputError(f"{path}: is larger than {_LARGEST:,} bytes, which no settings are")
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is no text in UTF-8") from error


def _containers(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the containers of whatever has a pod, or is one."""
    spec: Any = document.get("spec")
    for key in ("jobTemplate", "spec", "template", "spec"):
        if isinstance(spec, Mapping) and key in spec:
            spec = spec[key]
    if isinstance(spec, Mapping):
        for kind in _CONTAINERS:
            yield from (one for one in _list(spec.get(kind)) if isinstance(one, Mapping))

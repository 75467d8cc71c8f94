"""What was found in somebody's settings: parts of our configuration, what they lack, and secrets to be put elsewhere."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

# Names of headers and fields that hold secrets; a value of theirs is not written down.
SECRET = re.compile(r"(?i)auth|cookie|token|secret|password|passwd|api-?_?key|credential|signature")
# Where the manifests and the examples of the documentation mount a Secret.
_FOLDER = "/secrets"


@dataclass(frozen=True, slots=True)
class Entry:
    """A target, a receiver or a rule in the words of our configuration, and comments that stand above it."""

    settings: dict[str, Any]
    comments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """What has no counterpart: its name, why, and what to do instead."""

    what: str
    why: str

    def __str__(self) -> str:
        """Return it as one line."""
        return f"{self.what}: {self.why}"


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret that is not written down: where it has to stand, and what it is."""

    place: str
    what: str


@dataclass(slots=True)
class Found:
    """Everything that was found; readers add to it."""

    per_event: bool = False
    targets: list[Entry] = field(default_factory=list)
    receivers: list[Entry] = field(default_factory=list)
    rules: list[Entry] = field(default_factory=list)
    routes: list[dict[str, Any]] = field(default_factory=list)
    alert_routes: list[dict[str, Any]] = field(default_factory=list)
    general: dict[str, Any] = field(default_factory=dict)
    labels: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    secrets: list[Secret] = field(default_factory=list)
    _names: set[str] = field(default_factory=set)

    def name(self, wanted: str) -> str:
        """Return a name that nothing has yet, and that our configuration takes."""
        plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", wanted).strip("-._")[:50] or "target"
        name, number = plain, 1
        while name in self._names:
            number += 1
            name = f"{plain}-{number}"
        self._names.add(name)
        return name

    def refuse(self, what: str, why: str) -> None:
        """Note that ``what`` has no counterpart."""
        self.refusals.append(Refusal(what, why))

    def note(self, text: str) -> None:
        """Note what is otherwise than it was."""
        if text not in self.notes:
            self.notes.append(text)

    def secret_file(self, name: str, what: str) -> str:
        """Return the file that a secret has to be put into."""
        path = f"{_FOLDER}/{name}"
        self.secrets.append(Secret(path, what))
        return path

    def secret_variable(self, name: str, what: str) -> str:
        """Return the reference to the variable that a secret has to be put into."""
        reference = "${" + re.sub(r"\W+", "_", name).upper() + "}"
        self.secrets.append(Secret(reference, what))
        return reference

    def without_secrets(self, tree: object, name: str, title: str) -> object:
        """Return a layout in which no text below a telling key is written out."""
        if isinstance(tree, list):
            return [self.without_secrets(one, name, title) for one in tree]
        if not isinstance(tree, dict):
            return tree
        return {
            key: self.secret_variable(f"{name}-{key}", f"the field {key} of {title}")
            if isinstance(one, str) and SECRET.search(key) and is_written_out(one)
            else self.without_secrets(one, name, title)
            for key, one in tree.items()
        }

    def kept_variable(self, text: str, what: str) -> str:
        """Return the reference to a variable that the input names already, as ``$NAME`` or ``${NAME}``."""
        reference = "${" + text.strip("${}") + "}"
        self.secrets.append(Secret(reference, what))
        return reference

    def is_empty(self) -> bool:
        """Whether nothing of ours came out of it."""
        return not (self.targets or self.receivers)


def is_written_out(value: str) -> bool:
    """Whether a secret's value stands there: neither a variable nor a template."""
    return bool(value) and "${" not in value and "{{" not in value and "{%" not in value

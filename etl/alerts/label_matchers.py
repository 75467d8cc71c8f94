"""Matchers on an alert's labels, as Alertmanager writes them: ``severity="critical"``, ``namespace=~"dev-.*"``.

``=`` and ``!=`` compare, ``=~`` and ``!~`` match the whole value. A label that is missing is an
empty text. ``alertname`` is the rule's name and ``severity`` its severity.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from etl.alerts.model import Severity

_FORM = re.compile(
    r"""\s*(?P<label>[a-zA-Z_][a-zA-Z0-9_]*)\s*(?P<sign>=~|!~|!=|=)\s*(?P<value>"(?:[^"\\]|\\.)*"|[^"\s{}]*)\s*"""
)
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "t": "\t"}
# A pattern of this length is no matcher any more.
_LONGEST = 1000


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on one label."""

    label: str
    sign: str
    value: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``text``; raises ``ValueError`` that names the accepted form."""
        found = _FORM.fullmatch(text)
        if found is None or len(text) > _LONGEST:
            message = f"""{text[:80]!r} is not a matcher; write it like severity="critical" or namespace=~"dev-.*" """
            raise ValueError(message.rstrip())
        value = found["value"]
        if value.startswith('"'):
            value = _ESCAPE.sub(lambda e: _ESCAPED.get(e[1], e[1]), value[1:-1])
        if found["sign"] in {"=~", "!~"}:
            try:
                re.compile(value)
            except re.error as error:
                message = f"{value[:80]!r} is not a regular expression: {error}"
                raise ValueError(message) from error
        return cls(found["label"], found["sign"], value)

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether ``labels`` meet the condition."""
        given = labels.get(self.label, "")
        if self.sign in {"=", "!="}:
            return (given == self.value) is (self.sign == "=")
        return (re.fullmatch(self.value, given, re.DOTALL) is not None) is (self.sign == "=~")

    def __str__(self) -> str:
        """Write the matcher as ``parse`` reads it."""
        value = self.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'{self.label}{self.sign}"{value}"'


@dataclass(frozen=True, slots=True)
class Matchers:
    """Conditions that must all hold."""

    all: tuple[Matcher, ...]

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Self:
        """Read the conditions; raises ``ValueError`` for the first that is none."""
        return cls(tuple(Matcher.parse(text) for text in texts))

    def match(self, labels: Mapping[str, str]) -> bool:
        """Whether ``labels`` meet all conditions."""
        return all(matcher.matches(labels) for matcher in self.all)

    def __str__(self) -> str:
        """Write the conditions in one line."""
        return ", ".join(map(str, self.all))


def labels_of(alert: str, severity: Severity, labels: Mapping[str, str]) -> dict[str, str]:
    """Return what matchers see of an alert."""
    return {**labels, "alertname": alert, "severity": severity}


def mistakes(texts: Sequence[str]) -> list[tuple[int, str]]:
    """Return the place and what is wrong of each text that is no matcher."""
    found = []
    for place, text in enumerate(texts):
        try:
            Matcher.parse(text)
        except ValueError as error:
            found.append((place, str(error)))
    return found

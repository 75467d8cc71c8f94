"""Templates of targets are tried before anything is sent."""

from __future__ import annotations

import pytest

from etl.config.forwarding import FileTarget, Forward, HttpTarget, KafkaTarget, Target
from etl.errors import ConfigError
from etl.forward.context import NAMES
from etl.forward.trial import mistakes, refuse_mistakes

KNOWN = ", ".join(sorted(NAMES))


@pytest.mark.parametrize(
    ("target", "told"),
    [
        (
            Target(name="a", layout={"x": ["{{ event.mesage }}"]}),
            "at.layout: on a trial event, the template '{{ event.mesage }}' failed: there is no field mesage; did you mean message?",
        ),
        (
            Target(name="a", layout={"x": {"$json": "observation.host_name"}}),
            "at.layout: on a trial event, the insert 'observation.host_name' failed: there is no column host_name; did you mean object_name?",
        ),
        (
            Target(name="a", layout={"x": "{{ evnt.message }}"}),
            f"at.layout.x: there is no 'evnt'; there are {KNOWN}",
        ),
        (
            Target(name="a", layout={"x": "{{ event.message"}),
            "at.layout.x: unexpected end of template, expected 'end of print statement'.",
        ),
        (
            Target(name="a", layout={"x": "{{ .Message }}"}),
            "at.layout.x: unexpected '.'",
        ),
        (
            Target(name="a", http=HttpTarget(text="{{ now }}")),
            f"at.http.text: there is no 'now'; there are {KNOWN}",
        ),
        (
            Target(name="a", http=HttpTarget(headers={"Host": "x"})),
            "at.http.headers.Host: this header cannot be set",
        ),
        (
            Target(name="a", kafka=KafkaTarget(brokers=[], topic="k-{{ cluser }}")),
            f"at.kafka.topic: there is no 'cluser'; there are {KNOWN}",
        ),
    ],
    ids=["field", "column", "name", "syntax", "Go's syntax", "text", "header", "topic"],
)
def test_each_mistake_is_named_with_its_place(target: Target, told: str) -> None:
    """What would fail on every event is a mistake of the configuration."""
    assert mistakes(target, "at") == [told]
    with pytest.raises(ConfigError):
        refuse_mistakes(Forward(targets=[target]))


def test_what_works_for_some_events_is_none() -> None:
    """A template that only some events break is taken; those become dead letters."""
    layout = {"a": "{{ event.message.split('\"')[1] }}", "b": {"$json": "observation"}, "c": 1}
    http = HttpTarget(headers={"X-Key": "${KEY}", "X-Reason": "{{ event.reason }}"})
    targets = [
        Target(name="a", layout=layout, file=FileTarget(path="x")),
        Target(name="b", http=http),
    ]
    refuse_mistakes(Forward(targets=targets))

"""Translated templates give what Go gives: each of them over each event, held beside what Go itself made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from etl.config.forwarding import HttpTarget, StdoutTarget, Target
from etl.forward.layout import Layout
from etl.migrate import eventer, eventer_bodies
from etl.migrate.leaf import Terms, translate
from etl.migrate.payload import Body, body
from tests.lib.goldens import EVENTS, PEERS, golden, stored

CASES = json.loads((PEERS / "cases.json").read_text("utf-8"))
GOLDEN = golden("golden.json.gz")
SHANGHAI = golden("golden-shanghai.json.gz")
HARD = [event for event in EVENTS if set(event["message"]) & set('"\\\n\u2028\u0007')]


@pytest.fixture(scope="module")
def lake_rows(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Rows of the events."""
    return stored(tmp_path_factory.mktemp("golden"))


def sent(target: Target, found: list[dict[str, Any]]) -> list[str]:
    """Return the bodies that a target sends."""
    return [Layout(target).message(row).body.decode() for row in found]


def laid_out(layout: object, found: list[dict[str, Any]]) -> list[Any]:
    """Return the documents of a layout."""
    bodies = sent(Target(name="it", layout=layout, stdout=StdoutTarget()), found)
    return [json.loads(text) for text in bodies]


@pytest.mark.parametrize("number", range(len(CASES["exporter"])))
def test_a_template_of_the_exporter_gives_what_go_gave(
    number: int, lake_rows: list[dict[str, Any]]
) -> None:
    """A leaf has, event for event, the text of the template that it was; where Go fails nothing is promised."""
    source = CASES["exporter"][number]
    made = laid_out({"x": translate(source)}, lake_rows)
    expected = GOLDEN["exporter"][source]
    got = [
        {"x": text} if text is not None else one for text, one in zip(expected, made, strict=True)
    ]
    assert made == got
    assert any(text is not None for text in expected)


@pytest.mark.parametrize("number", range(len(CASES["eventer"])))
@pytest.mark.parametrize("zone", ["", "Asia/Shanghai"])
def test_a_body_of_kube_eventer_is_what_it_was_and_always_valid(
    number: int, zone: str, lake_rows: list[dict[str, Any]]
) -> None:
    """Where kube-eventer's body was JSON ours is the same; where a message broke it ours is JSON all the same."""
    source = CASES["eventer"][number]
    expected = (SHANGHAI if zone else GOLDEN)["eventer"][source]
    terms = Terms(instead=eventer.STRIPPED, zone=zone)
    made = body(source, terms)
    bodies = sent(_target(made), lake_rows)
    broken = 0
    for before, now, event in zip(expected, bodies, EVENTS, strict=True):
        if not source.startswith("{"):
            assert now == before
            continue
        try:
            assert json.loads(now) == json.loads(before)
        except json.JSONDecodeError:
            json.loads(now)
            assert set(event["message"]) & set("\\\n\u0007")
            broken += 1
    assert bool(broken) == (source.startswith("{") and "Message" in source)


def _target(made: Body) -> Target:
    if made.layout is not None:
        return Target(name="it", layout=made.layout, stdout=StdoutTarget())
    return Target(name="it", http=HttpTarget(url="https://it.example", text=made.text))


def test_the_default_document_is_the_one_of_the_exporter(lake_rows: list[dict[str, Any]]) -> None:
    """Without a layout each document has the fields of EnhancedEvent, nulls and empty texts too."""
    made = laid_out({"$json": "exporter_event(event, cluster)"}, lake_rows)
    assert made == GOLDEN["documents"]


@pytest.mark.parametrize(
    ("name", "layout"),
    [
        ("dingtalk", lambda zone: eventer_bodies.dingtalk_text(["prod-cluster"], "text", zone)),
        (
            "dingtalk-markdown",
            lambda zone: eventer_bodies.dingtalk_markdown(["prod"], "c1", "cn-shenzhen", zone),
        ),
        ("wechat", lambda zone: eventer_bodies.wechat(["prod"], zone)),
        ("kafka", lambda _: eventer_bodies.kafka()),
        ("elasticsearch", lambda _: eventer_bodies.elasticsearch("prod")),
    ],
    ids=["dingtalk", "dingtalk-markdown", "wechat", "kafka", "elasticsearch"],
)
def test_a_sink_of_kube_eventer_sends_what_it_sent(
    name: str, layout: Any, lake_rows: list[dict[str, Any]]
) -> None:
    """Each sink's message is the same, field for field, in UTC and in the zone that its pod had."""
    for zone, expected in (("", GOLDEN), ("Asia/Shanghai", SHANGHAI)):
        for made, event, before in zip(
            laid_out(layout(zone), lake_rows), EVENTS, expected["sinks"], strict=True
        ):
            if name not in before:
                continue
            if not (event.get("lastTimestamp") or event.get("eventTime")):
                # kube-eventer's clock is not ours; the rest of it is compared with the others.
                continue
            now = made["text"]["content"] if name == "wechat" else made
            assert now == before[name]


def test_messages_that_break_json_are_among_the_events() -> None:
    """The comparison is worth something: quotes, backslashes, line ends and controls are there."""
    assert {
        mark for event in HARD for mark in '"\\\n\u2028\u0007' if mark in event["message"]
    } == set('"\\\n\u2028\u0007')
    assert Path(PEERS / "golden.go").is_file()


def test_a_choice_may_be_asked(lake_rows: list[dict[str, Any]]) -> None:
    """What ternary gives can stand in if, which in Jinja takes no bare choice."""
    leaf = translate('{{ if ternary .Name "" (eq .Type "Warning") }}W{{ else }}N{{ end }}')
    made = laid_out({"x": leaf}, lake_rows)
    assert made == [{"x": event["type"][0]} for event in EVENTS]

"""What a target gets of an observation: the whole event, or what its layout makes of it."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from etl.config.forwarding import HttpTarget, Target
from etl.forward.layout import Layout
from etl.wire.templates import LeafError
from tests.lib.forwarded import NEW, OLD, body, row
from tests.lib.hostile import hostile

# kubernetes-event-exporter's own words in the article's layout, in ours.
ARTICLE = {
    "kind": "{{ event.involvedObject.kind }}",
    "namespace": "{{ event.involvedObject.namespace }}",
    "name": "{{ event.involvedObject.name }}",
    "reason": "{{ event.reason }}",
    "message": "{{ event.message }}",
    "type": "{{ event.type }}",
    "timestamp": "{{ iso8601(event.firstTimestamp or event.eventTime) }}",
    "cluster": "pre-center",
}


def made(given: dict[str, Any], layout: object, **changed: Any) -> Any:
    """Return what ``layout`` makes of a row, read as JSON."""
    return json.loads(body(row(given, **changed), layout))


def test_without_a_layout_the_whole_event_is_sent() -> None:
    """The document is the API's Event with the cluster's name and the labels of its object that are known."""
    found = json.loads(body(row(OLD, object_labels={"app": "web"}, labels={"team": "x"})))
    assert found == {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": "web-0.17f",
            "namespace": "shop",
            "uid": "0b5c",
            "resourceVersion": "42",
            "creationTimestamp": "2026-11-23T07:00:01.123456Z",
            "labels": {"team": "x"},
        },
        "involvedObject": {
            "kind": "Pod",
            "namespace": "shop",
            "name": "web-0",
            "uid": "77aa",
            "apiVersion": "v1",
            "fieldPath": "spec.containers{app}",
            "labels": {"app": "web"},
        },
        "reason": "BackOff",
        "message": 'Back-off restarting failed container "app"',
        "source": {"component": "kubelet", "host": "node-1"},
        "firstTimestamp": "2026-11-23T07:00:01.123456Z",
        "lastTimestamp": "2026-11-23T08:00:01.123456Z",
        "type": "Warning",
        "eventTime": None,
        "reportingComponent": "",
        "reportingInstance": "",
        "count": 3,
        "clusterName": "prod",
    }


@pytest.mark.parametrize(
    ("given", "time"),
    [(OLD, "2026-11-23T07:00:01.123Z"), (NEW, "2026-11-23T08:00:01.123Z")],
    ids=["core/v1", "events.k8s.io/v1"],
)
def test_the_layout_of_the_article(given: dict[str, Any], time: str) -> None:
    """A flat document as a pipeline of today gets it; the newer writers' events have a time too."""
    found = made(given, ARTICLE)
    assert found == {
        "kind": "Pod",
        "namespace": given.get("object_namespace", ""),
        "name": given["object_name"],
        "reason": given["reason"],
        "message": given["message"],
        "type": "Warning",
        "timestamp": time,
        "cluster": "pre-center",
    }


@pytest.mark.parametrize(
    ("leaf", "old", "new"),
    [
        ("{{ event.count }}", "3", "0"),
        ("{{ observation.n }}", "3", "7"),
        ("{{ event.source.host }}", "node-1", ""),
        ("{{ observation.host }}", "node-1", "default-scheduler-cp-1"),
        ("{{ event.firstTimestamp }}", "2026-11-23T07:00:01.123456Z", ""),
        ("{{ observation.last_seen }}", *2 * ["2026-11-23T08:00:01.123456Z"]),
        ("{{ event.series.count }}", "0", "7"),
        ("{% if event.series %}series{% endif %}", "", "series"),
        ("{{ event.related.name }}", "", ""),
        ("{{ event.involvedObject.labels.owner }}", "", ""),
        ('{{ event.metadata.annotations["a.b/c"] }}', "", ""),
        ("{{ json(event.involvedObject.labels) }}", "{}", "{}"),
        ("{{ cluster }} {{ event.clusterName }}", "prod prod", "prod prod"),
        ("{{ epoch_ms(event.lastTimestamp) }}", "1795420801123", "None"),
        ({"$json": "epoch_ms(event.lastTimestamp)"}, 1795420801123, None),
        ({"$json": "event.count"}, 3, 0),
        ({"$json": "observation.raw_count"}, 3, None),
        ({"$json": "observation.labels"}, {}, {}),
        ({"$json": "event.source"}, {"component": "kubelet", "host": "node-1"}, {}),
        (7, 7, 7),
        ([True, None], [True, None], [True, None]),
    ],
)
def test_what_is_not_there_is_empty(leaf: object, old: object, new: object) -> None:
    """Fields that an event may lack are empty in a template, as Go's are; data keeps its type."""
    assert [made(given, {"x": leaf})["x"] for given in (OLD, NEW)] == [old, new]


def test_labels_of_the_object_as_json() -> None:
    """``json`` writes what Go's encoder writes: sorted, compact, safe within HTML."""
    known = {"version": "dev", "app.kubernetes.io/name": "<web> & co"}
    layout = {
        "labels": "{{ json(event.involvedObject.labels) }}",
        "pretty": "{{ pretty_json(event.involvedObject.labels) }}",
        "one": '{{ event.involvedObject.labels["app.kubernetes.io/name"] }}',
        "all": {"$json": "event.involvedObject.labels"},
    }
    escaped = r"\u003cweb\u003e \u0026 co"
    assert made(OLD, layout, object_labels=known) == {
        "labels": f'{{"app.kubernetes.io/name":"{escaped}","version":"dev"}}',
        "pretty": f'{{\n  "app.kubernetes.io/name": "{escaped}",\n  "version": "dev"\n}}',
        "one": "<web> & co",
        "all": known,
    }


@pytest.mark.parametrize("leaf", ["{{ event.mesage }}", "{{ observation.hots }}", "{{ 1 // 0 }}"])
def test_a_word_that_no_event_has_is_a_mistake(leaf: str) -> None:
    """A misspelt field fails; it does not become an empty text in every document."""
    with pytest.raises(LeafError):
        body(row(OLD), {"x": leaf})


def test_one_observation_has_one_name() -> None:
    """The id is the same whoever reads the row, and another one for each part of the observation's key."""
    layout = Layout(Target(name="it"))
    names = [
        layout.message(row(OLD, **changed)).id
        for changed in (
            {},
            {"cluster": "stage"},
            {"uid": "other"},
            {"n": 4},
            {"last_seen": OLD["last_seen"].replace(microsecond=0)},
        )
    ]
    assert len(set(names)) == len(names)
    again = layout.message(row(OLD, resource_version=43, observed_at=OLD["created_at"]))
    assert again.id == names[0]
    assert (again.key, again.cluster, again.at) == ("0b5c", "prod", OLD["last_seen"])


def test_a_body_that_is_no_json() -> None:
    """``http.text`` is the whole body, as a template makes it."""
    text = "{{ event.reason }} on {{ event.involvedObject.name }}\n"
    message = Layout(Target(name="it", http=HttpTarget(text=text))).message(row(OLD))
    assert message.body == b"BackOff on web-0\n"


def test_no_message_of_a_stranger_breaks_a_document() -> None:
    """Quotes, line ends, escapes, template text and ten thousand characters arrive as they were, in one line of JSON."""
    chance = random.Random(7)  # noqa: S311 - no secret is made of it
    texts = [hostile(chance).encode("utf-8", "replace").decode() for _ in range(500)]
    texts += [
        '"' * 10_000,
        "{{ event.reason }}",
        "${HOME}",
        "\x00\x1b[2J\x9b2J",
        "\u2028\u2029\x85",
    ]
    for text in texts:
        given = row(OLD, message=text, reason=text, object_labels={text: text})
        whole = body(given)
        laid = body(
            given, {"m": "{{ event.message }}", "l": {"$json": "observation.object_labels"}}
        )
        assert json.loads(whole)["message"] == json.loads(laid)["m"] == text
        assert json.loads(laid)["l"] == {text: text}
        for line in (whole, laid):
            assert len(line.decode().splitlines()) == 1
            assert not any(c < " " or "\x7f" <= c <= "\x9f" for c in line.decode())


def test_a_lone_surrogate_of_the_configuration_does_not_break_a_document() -> None:
    """No row can hold one; a layout can, and it arrives as a question mark."""
    assert made(OLD, {"x": "\ud83d {{ event.reason }}"}) == {"x": "? BackOff"}

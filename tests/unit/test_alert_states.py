"""The state machine of an alert, drawn run by run: what was found and seen, what it is, what is told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from etl.alerts.model import Finding
from tests.lib import tables
from tests.lib.rounds import DAY, Days, finding, rule

# found: over its threshold; seen: all covered, a gap, or the rule failed; held: by a silence or
# another alert.
COURSES = {
    "once": """
        found | seen | held | state    | said
        x     | all  | -    | firing   | new
        -     | all  | -    | resolved | resolved
        -     | all  | -    | -        | -
    """,
    "told in full again after three days": """
        found | seen | held | state  | said
        x     | all  | -    | firing | new
        x     | all  | -    | firing | still
        x     | all  | -    | firing | still
        x     | all  | -    | firing | again
        x     | all  | -    | firing | still
    """,
    "a gap resolves nothing": """
        found | seen | held | state    | said
        x     | all  | -    | firing   | new
        -     | gap  | -    | no_data  | still
        -     | gap  | -    | no_data  | still
        -     | all  | -    | resolved | resolved
        -     | gap  | -    | -        | -
    """,
    "found again behind a gap it is no news": """
        found | seen | held | state   | said
        x     | all  | -    | firing  | new
        -     | gap  | -    | no_data | still
        x     | all  | -    | firing  | still
    """,
    "what is found in a gap is found": """
        found | seen | held | state  | said
        x     | gap  | -    | firing | new
    """,
    "a rule that fails resolves nothing": """
        found | seen   | held | state    | said
        x     | all    | -    | firing   | new
        -     | failed | -    | error    | still
        -     | gap    | -    | no_data  | still
        -     | all    | -    | resolved | resolved
    """,
    "a new spell is news": """
        found | seen | held | state    | said
        x     | all  | -    | firing   | new
        -     | all  | -    | resolved | resolved
        x     | all  | -    | firing   | new
    """,
    "a silence that ran out alerts again": """
        found | seen | held     | state  | said
        x     | all  | -        | firing | new
        x     | all  | silenced | firing | -
        x     | all  | silenced | firing | -
        x     | all  | -        | firing | new
    """,
    "what ends in a silence ends quietly": """
        found | seen | held     | state    | said
        x     | all  | -        | firing   | new
        x     | all  | silenced | firing   | -
        -     | all  | silenced | resolved | -
        -     | all  | -        | -        | -
    """,
    "what ends as a silence does was told by nobody": """
        found | seen | held     | state    | said
        x     | all  | silenced | firing   | -
        -     | all  | -        | resolved | -
    """,
    "another alert stands for it, and is gone": """
        found | seen | held      | state  | said
        x     | all  | inhibited | firing | -
        x     | all  | -         | firing | new
    """,
}
PENDING = {
    "three runs in a row": """
        found | seen | held | state   | said
        x     | all  | -    | pending | -
        x     | all  | -    | pending | -
        x     | all  | -    | firing  | new
    """,
    "not in a row": """
        found | seen | held | state    | said
        x     | all  | -    | pending  | -
        x     | all  | -    | pending  | -
        -     | all  | -    | inactive | -
        x     | all  | -    | pending  | -
    """,
    "a gap counts neither way": """
        found | seen   | held | state   | said
        x     | all    | -    | pending | -
        -     | gap    | -    | no_data | -
        x     | all    | -    | pending | -
        -     | failed | -    | error   | -
        x     | all    | -    | firing  | new
        -     | gap    | -    | no_data | still
    """,
}
KEPT = {
    "two days after it was last found": """
        found | seen | held | state    | said
        x     | all  | -    | firing   | new
        -     | all  | -    | firing   | still
        -     | all  | -    | resolved | resolved
    """,
    "found again within": """
        found | seen | held | state  | said
        x     | all  | -    | firing | new
        -     | all  | -    | firing | still
        x     | all  | -    | firing | still
        -     | all  | -    | firing | again
    """,
}


EXPIRED = {
    "nobody could know for two days": """
        found | seen   | held | state   | said
        x     | all    | -    | firing  | new
        -     | gap    | -    | no_data | still
        -     | failed | -    | error   | still
        -     | gap    | -    | expired | expired
        -     | gap    | -    | -       | -
        x     | all    | -    | firing  | new
    """,
    "somebody could in between": """
        found | seen | held | state   | said
        x     | all  | -    | firing  | new
        -     | gap  | -    | no_data | still
        x     | gap  | -    | firing  | still
        -     | gap  | -    | no_data | still
        -     | gap  | -    | no_data | still
        -     | gap  | -    | expired | expired
    """,
    "what was never told expires quietly": """
        found | seen | held     | state   | said
        x     | all  | silenced | firing  | -
        -     | gap  | silenced | no_data | -
        -     | gap  | silenced | no_data | -
        -     | gap  | silenced | expired | -
        -     | gap  | -        | -       | -
    """,
}


def lived(days: Days, course: str) -> None:
    """Live through a drawn course and compare each run."""
    for number, row in enumerate(tables.drawn(course), start=1):
        alerts = days.run(
            *([finding()] if row["found"] else []),
            covered=row["seen"] == "all",
            failed=row["seen"] == "failed",
            silenced=row["held"] == "silenced",
            inhibited=row["held"] == "inhibited",
        )
        got = [(alert.state, alert.said, alert.stayed) for alert in alerts]
        wanted = [(row["state"], row["said"] or "", row["held"] or "")] if row["state"] else []
        assert got == wanted, f"run {number}"


@pytest.mark.parametrize("name", COURSES)
def test_courses(name: str) -> None:
    """An alert that is told at once goes as drawn."""
    lived(Days(), COURSES[name])


@pytest.mark.parametrize("name", PENDING)
def test_pending(name: str) -> None:
    """An alert whose rule says ``for: 3 runs`` goes as drawn."""
    lived(Days([rule(runs=3)]), PENDING[name])


@pytest.mark.parametrize("name", KEPT)
def test_kept_firing(name: str) -> None:
    """An alert whose rule says ``keep_firing_for: 2d`` goes as drawn."""
    lived(Days([rule(keep_firing_for=2 * DAY)]), KEPT[name])


@pytest.mark.parametrize("name", EXPIRED)
def test_expired(name: str) -> None:
    """An alert of which nobody can know anything for ``digest.expire_after`` goes as drawn: closed, and not over."""
    lived(Days(expire_after=2 * DAY), EXPIRED[name])


def test_a_pending_alert_expires_as_it_came() -> None:
    """Nobody heard of it, so nobody hears of its end."""
    days = Days([rule(runs=2)], expire_after=DAY)
    states = [[(a.state, a.said) for a in days.run(finding())]]
    states += [[(a.state, a.said) for a in days.run(covered=False)] for _ in range(3)]
    assert states == [[("pending", "")], [("no_data", "")], [("inactive", "")], []]


def test_a_cluster_that_is_gone_takes_its_alerts_along() -> None:
    """They expire at once, found or not, and none of its findings is an alert any more; others go on."""
    days = Days()
    both = ("prod", "dev")
    days.run(finding(), finding(cluster="dev"), clusters=both)
    days.gone = frozenset({"dev"})
    for wanted in ({"prod": "still", "dev": "expired"}, {"prod": "still"}):
        alerts = days.run(finding(), finding(cluster="dev"), clusters=both)
        assert {a.labels["cluster"]: a.said for a in alerts} == wanted


def test_urgent_messages_do_not_tell_what_expires() -> None:
    """That nothing is known for days is no news of the hour: the digest tells it."""
    days = Days(kind="urgent", expire_after=DAY)
    days.run(finding())
    days.run(covered=False)
    (alert,) = days.run(covered=False)
    assert (alert.state, alert.said) == ("expired", "")
    assert days.record
    assert not days.record.spoke


def test_a_rule_without_alerts_has_a_state_of_its_own() -> None:
    """One that cannot be asked, and one that finds nothing in a gap, is not quiet; over, that is said once."""
    days = Days()
    days.run()
    assert days.states == {}
    seen = []
    for covered, failed in (
        (False, False),
        (False, True),
        (True, True),
        (True, False),
        (True, False),
    ):
        assert days.run(covered=covered, failed=failed) == []
        assert days.record
        seen.append((days.states.get("R"), days.record.changed))
    assert seen == [
        (("no_data", "inactive"), True),
        (("error", "no_data"), True),
        (("error", "error"), False),
        (("inactive", "error"), True),
        (None, False),
    ]
    # An alert carries the state itself.
    days.run(finding())
    days.run(covered=False)
    assert days.states == {}


def test_limits_tell_the_greatest_and_keep_the_rest_for_later() -> None:
    """What is beyond its rule's limit is counted, and is news when there is room."""
    days = Days([rule(limit=2)])
    found = [finding(f"web-{n}", value=n) for n in range(4)]
    first = days.run(*found)
    assert {a.labels["name"]: (a.said, a.stayed) for a in first} == {
        "web-3": ("new", ""),
        "web-2": ("new", ""),
        "web-1": ("", "limited"),
        "web-0": ("", "limited"),
    }
    assert days.record
    assert days.record.cut == {"R": 2}
    second = days.run(*found[:2])
    assert {a.labels["name"]: a.said for a in second} == {
        "web-3": "resolved",
        "web-2": "resolved",
        "web-1": "new",
        "web-0": "new",
    }


def test_each_cluster_is_covered_by_itself() -> None:
    """A gap of one cluster holds its alerts, and those that name no cluster."""
    days = Days([rule(), rule("Sum", by=())])
    total = Finding("Sum", "warning", {}, 7)
    both = ("prod", "dev")
    days.run(finding(), finding(cluster="dev"), total, clusters=both)
    after = days.run(clusters=both, covered={"dev"})
    assert {(a.alert, a.labels.get("cluster")): a.state for a in after} == {
        ("R", "prod"): "no_data",
        ("R", "dev"): "resolved",
        ("Sum", None): "no_data",
    }


def test_a_rule_that_is_switched_off_or_gone_leaves_quietly() -> None:
    """What is not asked is not said to be over; asked again, it is news."""
    days = Days()
    days.run(finding())
    days.rules = [rule(enabled=False)]
    assert days.run() == []
    days.rules = [rule()]
    assert [alert.said for alert in days.run(finding())] == ["new"]


def test_urgent_messages_pause_and_forget_nothing() -> None:
    """Within the pause nothing is told; behind it all that is new or over comes in one message."""
    days = Days(kind="urgent", pause=timedelta(minutes=30), apart=timedelta(minutes=10))
    a, b = finding("a"), finding("b")
    told = []
    for found in ([a], [a, b], [b], [], [], [], []):
        alerts = days.run(*found)
        told.append({x.labels["name"]: x.said or x.stayed for x in alerts})
    assert told == [
        {"a": "new"},
        {"a": "still", "b": "paused"},
        {"a": "paused", "b": "paused"},
        {"a": "resolved", "b": "new"},
        {"b": "paused"},
        {"b": "paused"},
        {"b": "resolved"},
    ]
    assert days.run() == []

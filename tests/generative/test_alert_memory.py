"""The memory of alerts beside a plain model of it, and what has to hold whatever happens.

The model follows one alert at a time through a list of days and knows nothing of records,
fingerprints or kinds of silence.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from etl.alerts.alert import Record
from tests.lib.rounds import DAY, Days, finding, rule

NAMES = ("a", "b", "c")


@dataclass(frozen=True)
class Day:
    """What one evaluation meets."""

    found: frozenset[str]
    seen: str
    held: bool


DAY_DRAWN = st.builds(
    Day,
    found=st.frozensets(st.sampled_from(NAMES)),
    seen=st.sampled_from(["all", "all", "all", "gap", "failed"]),
    held=st.sampled_from([False, False, False, True]),
)
COURSES = st.lists(DAY_DRAWN, min_size=1, max_size=14)


def lived(course: list[Day], runs: int, keep: int, repeat: int) -> list[dict[str, tuple[str, str]]]:
    """Return (state, what was said) of each alert after each day."""
    days = Days(
        [rule(runs=runs, keep_firing_for=keep * DAY)], repeat_interval=timedelta(days=repeat)
    )
    told: list[dict[str, tuple[str, str]]] = []
    for day in course:
        alerts = days.run(
            *(finding(name) for name in sorted(day.found)),
            covered=day.seen == "all",
            failed=day.seen == "failed",
            silenced=day.held,
        )
        told.append({a.labels["name"]: (a.state, a.said) for a in alerts})
    return told


def modelled(  # noqa: C901, PLR0912 -- a table of cases, on purpose without our own words
    course: list[Day], name: str, runs: int, keep: int, repeat: int
) -> list[tuple[str, str] | None]:
    """Return the same of one alert, by counting days."""
    answers: list[tuple[str, str] | None] = []
    streak = 0
    firing_since_found: int | None = None
    told: int | None = None
    for number, day in enumerate(course):
        # Evaluating fails for all, found or not: nobody knows.
        found = name in day.found and day.seen != "failed"
        unknown = day.seen == "failed" or (day.seen == "gap" and not found)
        firing = firing_since_found is not None
        if found:
            streak += 1
            if firing or streak >= runs:
                firing_since_found = number
                state = "firing"
            else:
                state = "pending"
        elif unknown:
            state = {"failed": "error", "gap": "no_data"}[day.seen] if firing or streak else ""
        elif firing and firing_since_found is not None:
            state = "firing" if number - firing_since_found < keep else "resolved"
            streak = 0
        else:
            state, streak = ("inactive" if streak else ""), 0
        said = ""
        fires = firing_since_found is not None
        if day.held and fires:
            told = None
        elif state == "resolved":
            said = "resolved" if told is not None else ""
        elif fires and state:
            if told is None:
                said = "new" if state == "firing" else ""
                told = number if said else None
            elif state == "firing" and number - told >= repeat:
                said, told = "again", number
            else:
                said = "still"
        if state in {"resolved", "inactive"}:
            streak, firing_since_found, told = 0, None, None
        answers.append((state, said) if state else None)
    return answers


@given(COURSES, st.integers(1, 3), st.integers(0, 2), st.integers(1, 4))
def test_the_memory_agrees_with_a_plain_model(
    course: list[Day], runs: int, keep: int, repeat: int
) -> None:
    """States and what is said of each alert are the same on every day of every course."""
    found = lived(course, runs, keep, repeat)
    for name in NAMES:
        ours = [day.get(name) for day in found]
        assert ours == modelled(course, name, runs, keep, repeat)


@given(COURSES, st.integers(1, 3), st.integers(0, 2))
def test_what_always_holds(course: list[Day], runs: int, keep: int) -> None:
    """Resolved is told at most once a spell and after new; a gap and a failure resolve nothing."""
    told = lived(course, runs, keep, 3)
    for name in NAMES:
        open_spell = False
        for number, day in enumerate(told):
            state, said = day.get(name, ("", ""))
            if said == "new":
                open_spell = True
            if said == "resolved":
                assert open_spell
                open_spell = False
            if state == "resolved":
                assert course[number].seen == "all"
                assert name not in course[number].found


@given(COURSES)
def test_a_silence_that_ran_out_alerts_again(course: list[Day]) -> None:
    """What fires on the first day without it is new on that day, whoever heard of it before."""
    told = lived(course, 1, 0, 3)
    for before, day, said in zip(course, course[1:], told[1:], strict=False):
        if before.held and not day.held and day.seen != "failed":
            for name in day.found & before.found if before.seen != "failed" else frozenset():
                assert said[name] == ("firing", "new")


@given(COURSES)
def test_a_record_is_read_back_as_it_was(course: list[Day]) -> None:
    """The file holds all that the next evaluation needs."""
    days = Days()
    for day in course:
        days.run(*(finding(name) for name in day.found), covered=day.seen == "all")
        assert days.record
        again = msgspec.json.decode(msgspec.json.encode(days.record), type=Record)
        assert again == days.record
        days.record = again

"""Digests day after day: what is new, what goes on, what is over, what is held back, and what cannot wait."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from tests.lib.apiserver import ApiServer
from tests.lib.commandline import rows
from tests.lib.events import event
from tests.lib.mornings import DAY, MINUTE, Mornings, told


@pytest.fixture
def mornings(tmp_path: Path, apiserver: ApiServer, httpserver: HTTPServer) -> Mornings:
    """A lake with a first list."""
    job = Mornings(tmp_path, apiserver, httpserver)
    apiserver.now = job.now
    job("snapshot")
    return job


def test_new_still_and_resolved(mornings: Mornings) -> None:
    """Each morning tells what is new, what goes on, and once what is over; a day that is replayed sends nothing."""
    (first,) = mornings.morning("a", "b")
    assert told(first) == {"findings": ["a", "b"]}
    (second,) = mornings.morning("b", "c")
    assert told(second) == {"findings": ["c"], "still": ["b"], "resolved": ["a"]}
    assert "1 still firing, 1 resolved" in second["title"]
    end = second["window"]["end"]
    for _ in range(2):
        done = mornings("digest", "--at", end)
        assert "nothing to send" in done.err
    (third,) = mornings.morning("b", "c")
    assert told(third) == {"still": ["b", "c"]}
    decided = rows(
        mornings.lake,
        "select labels['name'] as name, state, told from alerts order by window_end, name",
    )
    assert [tuple(row.values()) for row in decided] == [
        ("a", "firing", "new"),
        ("b", "firing", "new"),
        ("a", "resolved", "resolved"),
        ("c", "firing", "new"),
    ]
    sent = rows(mornings.lake, "select receiver, outcome, message from deliveries order by all")
    assert [tuple(row.values()) for row in sent] == [("chat", "ok", "delivered")] * 3


def test_a_gap_resolves_nothing(mornings: Mornings) -> None:
    """Days on which nobody looked leave an alert as it was; a day that was seen whole resolves it."""
    mornings.morning("a")
    mornings.morning(run=False)
    mornings.morning(run=False)
    (blind,) = mornings.morning()
    assert told(blind) == {"still": ["a"]}
    assert blind["still"][0]["state"] == "no_data"
    (seen,) = mornings.morning()
    assert told(seen) == {"resolved": ["a"]}
    (after,) = mornings.morning()
    assert told(after) == {}


def test_what_nobody_can_know_for_a_week_is_closed(mornings: Mornings) -> None:
    """A cluster that nobody lists any more keeps its alert for a week; then it expires, and is not said to be over."""
    mornings.morning("a")
    told_of = []
    for _ in range(10):
        mornings.now += DAY
        mornings("digest")
        told_of.append(mornings.taken[-1])
    states = [[one["state"] for one in (*d["still"], *d["findings"])] for d in told_of]
    assert states == [["no_data"]] * 7 + [[]] * 3
    assert [told(digest).get("expired") for digest in told_of].count(["a"]) == 1
    last = told_of[7]
    assert "1 expired" in last["title"]
    assert "CLOSED WITHOUT AN ANSWER" in last["text"]
    assert "nothing known for 7d; it may still be so" in last["text"]
    assert "resolved" not in last["text"]
    said = rows(mornings.lake, "select state, told from alerts where state = 'expired'")
    assert [tuple(row.values()) for row in said] == [("expired", "expired")]


def test_a_cluster_that_is_said_to_be_gone(mornings: Mornings) -> None:
    """The next digest says so, closes its alerts and waits for it no more; listed again it is back."""
    mornings.morning("a")
    assert "no cluster 'prot'" in mornings("retire", "prot", "-c", "x", code=2).err
    mornings.now += MINUTE
    out = mornings("retire", "prod", "--comment", "moved to prod-2", "--by", "li").out
    assert out == "prod is retired; a new list of it takes that back\n"
    mornings.now += DAY
    mornings("digest")
    digest = mornings.taken[-1]
    assert told(digest) == {"expired": ["a"]}
    assert "its cluster is gone" in digest["text"]
    assert any("prod was retired by li: moved to prod-2" in line for line in digest["health"])
    assert not any("no snapshot since" in line for line in digest["health"])
    mornings.now += DAY
    mornings("digest")
    assert told(mornings.taken[-1]) == {}
    assert mornings.taken[-1]["health"] == []
    (back,) = mornings.morning("b")
    assert told(back) == {"findings": ["b"]}


def test_a_silence_that_ran_out_alerts_again(mornings: Mornings) -> None:
    """While it holds the digest counts it; behind it what still fires is new."""
    mornings.morning("a", "b")
    mornings("silence", "add", "alertname=Crashes", "name=a", "--for", "25h", "-c", "known")
    (held,) = mornings.morning("a", "b")
    assert told(held) == {"still": ["b"]}
    assert [(s["alerts"], s["comment"]) for s in held["silences"]] == [(1, "known")]
    assert "known" in held["text"]
    (again,) = mornings.morning("a", "b")
    assert told(again) == {"findings": ["a"], "still": ["b"]}
    assert again["silences"] == []


def test_a_silence_can_be_ended_and_must_end(mornings: Mornings) -> None:
    """The list shows it, expire ends it, and one without an end is refused."""
    assert "has to end" in mornings("silence", "add", "a=b", "-c", "x", code=2).err
    assert (
        "is not a matcher" in mornings("silence", "add", "a", "-c", "x", "--for", "1h", code=2).err
    )
    made = mornings("silence", "add", "name=~a|b", "-c", "known", "--for", "2d", "--by", "li").out
    assert 'name=~"a|b"  until 2026-11-25T09:05:00Z by li: known' in made
    name = made.split()[0]
    assert mornings("silence", "list").out == made
    mornings("silence", "expire", name[:5])
    assert mornings("silence", "list").out == ""
    assert "ended" in mornings("silence", "list", "--all").out
    assert "is no silence" in mornings("silence", "expire", name, code=2).err


def test_a_switch_turns_a_rule_off_for_a_time(mornings: Mornings) -> None:
    """The digest names it, and behind its end the rule is asked again."""
    until = (mornings.now + DAY + timedelta(hours=1)).isoformat()
    mornings("switch", "off", "Crashes", "--until", until, "--comment", "capacity work")
    assert "[off]" in mornings("rules", "list").out
    (off,) = mornings.morning("a")
    assert told(off) == {}
    assert [(h["alert"], h["comment"]) for h in off["held"]] == [("Crashes", "capacity work")]
    (on,) = mornings.morning("a")
    assert told(on) == {"findings": ["a"]}
    assert "no rule 'Crash'" in mornings("switch", "off", "Crash", code=2).err


def test_what_is_urgent_does_not_wait(mornings: Mornings) -> None:
    """After a snapshot one message tells all that is new; then it pauses, and the digest comes all the same."""
    server = mornings.server
    mornings.morning()

    def run(*nodes: str) -> list[dict[str, list[str]]]:
        before = len(mornings.taken)
        mornings.now += 10 * MINUTE
        server.now = mornings.now
        for node in nodes:
            at = mornings.now - MINUTE
            server.add(event(node, at=at, reason="NodeNotReady", kind="Node", namespace="default"))
        mornings("run")
        return [told(one) for one in mornings.taken[before:]]

    assert run("n1", "n2") == [{"findings": ["n1", "n2"]}]
    assert mornings.taken[-1]["title"] == "urgent: prod: 2 critical"
    # Both are over after ten minutes, and a third comes: nothing is said within the pause.
    assert run("n3") == []
    assert run() == []
    assert run() == [{"findings": ["n3"], "resolved": ["n1", "n2"]}]
    assert mornings("digest", "--urgent").err.endswith("nothing is urgent\n")
    mornings.now = mornings.now.replace(hour=8, minute=55) + DAY
    assert run() == [
        {"resolved": ["n3"]},
        {"findings": ["n1", "n2", "n3"]},
    ]
    # The third one, and that the others were over, had to wait.
    assert mornings.taken[-1]["paused"] == 3
    assert "3 urgent alerts waited for a pause to end" in mornings.taken[-1]["text"]

"""The words of kubectl (ages, the names of kinds), and those of stories in both languages."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from etl.incident import words
from etl.incident.kinds import kinds, reference
from etl.incident.listing import age
from etl.incident.phases import SEQUENCE, phase


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(seconds=-5), "<invalid>"),
        (timedelta(seconds=-1), "0s"),
        (timedelta(seconds=119), "119s"),
        (timedelta(minutes=2), "2m"),
        (timedelta(minutes=3, seconds=20), "3m20s"),
        (timedelta(minutes=10, seconds=59), "10m"),
        (timedelta(minutes=179), "179m"),
        (timedelta(hours=3), "3h"),
        (timedelta(hours=5, minutes=10), "5h10m"),
        (timedelta(hours=47), "47h"),
        (timedelta(hours=52), "2d4h"),
        (timedelta(days=8, hours=3), "8d"),
        (timedelta(days=729), "729d"),
        (timedelta(days=730), "2y"),
        (timedelta(days=800), "2y70d"),
        (timedelta(days=365 * 9), "9y"),
    ],
)
def test_an_age_is_written_as_kubectl_writes_it(span: timedelta, text: str) -> None:
    """The steps are those of HumanDuration in apimachinery (Kubernetes 1.36)."""
    assert age(span) == text


@pytest.mark.parametrize(
    ("typed", "kind"),
    [
        ("po", "pod"),
        ("Pods", "pod"),
        ("ingresses", "ingress"),
        ("networkpolicies", "networkpolicy"),
        ("statefulsets.apps", "statefulset"),
        ("endpoints", "endpoint"),
        ("certificates.cert-manager.io", "certificate"),
        ("Ingress", "ingress"),
    ],
)
def test_a_kind_is_found_by_what_people_type(typed: str, kind: str) -> None:
    """Short names, plurals, groups, any case; where it could be both, the word itself stands in, too."""
    assert kind in kinds(typed)
    assert len(kinds(typed)) <= 2


def test_endpoints_and_ingress_keep_their_own_names() -> None:
    """A kind that ends like a plural is found as it is."""
    assert "endpoints" in kinds("endpoints")
    assert "ingress" in kinds("ingress")


@pytest.mark.parametrize("text", ["", "web-0", "pod/", "/web-0", "a/b/c"])
def test_what_is_no_object_is_refused(text: str) -> None:
    """The message shows the form."""
    with pytest.raises(ValueError, match="KIND/NAME"):
        reference(text)


def test_every_phase_has_a_chinese_word() -> None:
    """Also those that the message decides; a reason without a phase stays what people search for."""
    said = {phase(reason, "") for reason in SEQUENCE}
    said |= {phase("BackOff", "pulling image"), phase("Failed", "")}
    said |= {phase("Unhealthy", f"{kind} probe") for kind in ("Liveness", "Readiness", "Startup")}
    for word in said:
        assert words.phase(word, "zh") != word
        assert words.phase(word, "en") == word
    assert words.phase("LeaderElection", "zh") == "LeaderElection"


def test_sentences_of_stories_have_the_same_places_in_both_languages() -> None:
    """What one language fills in, the other fills in too."""
    for key, (english, chinese) in words._SENTENCES.items():  # noqa: SLF001 -- all of them
        places = [set(re.findall(r"\{(\w+)\}", text)) for text in (english, chinese)]
        assert places[0] == places[1], key

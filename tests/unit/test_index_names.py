"""Names of indices: what a pattern gives for a moment, and which patterns are none."""

from __future__ import annotations

from datetime import datetime

import pytest

from etl.config import indexes

LATE = datetime.fromisoformat("2026-01-01T01:30:00+02:00")


@pytest.mark.parametrize(
    ("pattern", "name", "wildcard"),
    [
        ("kube-events", "kube-events", "kube-events"),
        ("kube-events-{date:%Y.%m.%d}", "kube-events-2025.12.31", "kube-events-*"),
        ("kube-{date:%Y.%m}-prod", "kube-2025.12-prod", "kube-*-prod"),
        ("e-{date:%G-w%V}-{date:%H}", "e-2026-w01-23", "e-*-*"),
        ("ereignisse-müll", "ereignisse-müll", "ereignisse-müll"),
    ],
)
def test_a_pattern_gives_names(pattern: str, name: str, wildcard: str) -> None:
    """Dates stand in UTC, and what matches all names of a pattern has a star for each."""
    assert list(indexes.mistakes(pattern, data_stream=False)) == []
    assert indexes.named(pattern, LATE) == name
    assert indexes.wildcard(pattern) == wildcard


@pytest.mark.parametrize(
    ("pattern", "data_stream", "told"),
    [
        ("", False, "is empty"),
        ("Kube", False, "'Kube' is no name"),
        ("kube-{date:%B}", False, "{date:%B} is not understood"),
        ("kube-{date:}", False, "{date:} is not understood"),
        ("kube-{cluster}", False, "'kube-{cluster}' is no name"),
        ("kube-{2006-01-02}", False, "'kube-{2006-01-02}' is no name"),
        ("kube events", False, "'kube events' is no name"),
        ("kube/events", False, "'kube/events' is no name"),
        ("kube:events", False, "'kube:events' is no name"),
        ("_kube", False, "must not begin with - _ or +"),
        ("{date:-%Y}", False, "must not begin with - _ or +"),
        ("..", False, "must not begin"),
        ("é" * 128, False, "longer than 255 bytes"),
        ("kube-{date:%Y}", True, "take the date out"),
        (".ds-kube", True, "must not begin with .ds-"),
    ],
)
def test_what_is_no_name_is_told(pattern: str, told: str, *, data_stream: bool) -> None:
    """What the server would refuse after the dates are in, and Go's own form of dates, is named beforehand."""
    (mistake,) = indexes.mistakes(pattern, data_stream=data_stream)
    assert told in mistake

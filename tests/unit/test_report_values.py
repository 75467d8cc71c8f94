"""What a report is bound to: the window, and parameters given as text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from etl.errors import UsageError
from etl.reports.catalogue import Parameter, Report
from etl.reports.run import bucket_width, values
from etl.timespan import Window

START = datetime(2026, 11, 22, tzinfo=UTC)
DAY = Window(START, START + timedelta(days=1))
BERLIN = ZoneInfo("Europe/Berlin")


def _report(**defaults: str | None) -> Report:
    parameters = tuple(Parameter(name, default) for name, default in defaults.items())
    return Report("own", "", {"en": "", "zh": ""}, {"en": "", "zh": ""}, parameters)


def test_the_window_is_bound_whatever_the_report() -> None:
    """Start, end and the timezone's name are always there."""
    bound = values(_report(), window=DAY, timezone=BERLIN)
    assert bound == {"start": DAY.start, "end": DAY.end, "timezone": "Europe/Berlin"}


def test_defaults_say_what_a_parameter_is() -> None:
    """A whole number, a number or text, by the look of the default; without one it is text."""
    report = _report(most="20", share="0.5", reason="Unhealthy", name=None, limit="9")
    given = {"most": "-3", "share": "1", "name": "7"}
    bound = values(report, window=DAY, timezone=BERLIN, extra=given)
    assert (bound["most"], bound["share"], bound["name"]) == (-3, 1.0, "7")
    assert (bound["reason"], bound["limit"]) == ("Unhealthy", 9)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"most": "many"}, "own: most: 'many' is not a whole number"),
        ({"share": "half"}, "own: share: 'half' is not a number"),
        ({"limit": "0"}, "own: limit: '0' is not a whole number above 0"),
        ({"limit": "-1"}, "own: limit: '-1' is not a whole number above 0"),
        ({"limit": "²"}, "own: limit"),
        ({"bucket": "soon"}, "own: bucket: 'soon' is not a duration"),
        ({"bucket": "90500ms"}, "own: bucket: '90500ms' is not whole seconds"),
        ({"bucket": "0s"}, "own: bucket: '0s' cuts 1d into more than 5000 buckets"),
        ({"bucket": "10s"}, "own: bucket: '10s' cuts 1d into more than 5000 buckets"),
        ({"bucket": "36h"}, "own: bucket: 1d12h is longer than a day and not whole days"),
        ({"limits": "3"}, "no parameter 'limits'; did you mean limit?"),
        ({"zzz": "3"}, "no parameter 'zzz'; it takes most, share, limit, bucket"),
        ({"start": "3"}, "no parameter 'start'"),
    ],
)
def test_text_that_does_not_fit_is_refused(given: dict[str, str], message: str) -> None:
    """The message names the report, the parameter and what would be right."""
    report = _report(most="20", share="0.5", limit="9", bucket="auto")
    with pytest.raises(UsageError) as raised:
        values(report, window=DAY, timezone=BERLIN, extra=given)
    assert message in str(raised.value)


def test_a_parameter_without_a_default_has_to_be_given() -> None:
    """The message says which, and how to write it."""
    with pytest.raises(UsageError, match=r"the report own needs a value for namespace"):
        values(_report(namespace=None), window=DAY, timezone=BERLIN)


def test_a_bucket_is_a_length_of_time() -> None:
    """It is bound as a plain timedelta, which DuckDB knows as an INTERVAL."""
    bound = values(_report(bucket="1h"), window=DAY, timezone=BERLIN)
    assert type(bound["bucket"]) is timedelta
    assert bound["bucket"] == timedelta(hours=1)
    bound = values(_report(bucket="auto"), window=DAY, timezone=BERLIN)
    assert bound["bucket"] == timedelta(minutes=30)


def test_an_automatic_bucket_cuts_into_24_to_60() -> None:
    """From 24 minutes to 50 years a window has at least 24 and at most 60 buckets."""
    length = timedelta(minutes=24)
    while length < timedelta(days=50 * 365):
        count = length / bucket_width(length)
        assert 24 <= count <= 60, length
        length *= 1.01
    assert bucket_width(timedelta(minutes=3)) == timedelta(minutes=1)
    assert bucket_width(timedelta(days=365 * 100)) == timedelta(days=350)

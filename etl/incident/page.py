"""A story to one HTML page: works offline, prints, light and dark, and no event text breaks out of it."""

from __future__ import annotations

from importlib.resources import files
from zoneinfo import ZoneInfo

from jinja2 import Environment, StrictUndefined

from etl.incident import telling
from etl.incident.story import Story
from etl.incident.words import say
from etl.reports.catalogue import Language
from etl.reports.words import say as say_report

_TEMPLATE = "timeline.html.j2"


def build(story: Story, *, timezone: ZoneInfo, language: Language = "en") -> str:
    """Return the page, complete in itself."""
    text = (files("etl") / "incident" / "assets" / _TEMPLATE).read_text("utf-8")
    # Everything foreign is escaped; the page has no script, and its policy allows none.
    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(text)
    return template.render(
        heading=telling.heading(story, language),
        facts=telling.facts(story, timezone, language),
        rows=list(telling.rows(story, timezone, language)),
        language=language,
        untold=say("untold", language),
        untrusted=say_report("untrusted", language),
    )

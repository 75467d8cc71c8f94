"""Mistakes in what holds alerts back: silences and rules of inhibition of the configuration."""

from __future__ import annotations

from collections.abc import Iterator

from etl.alerts import label_matchers
from etl.config.settings import Settings


def mistakes(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield (path, what is wrong) for silences without an end and matchers that are none."""
    for place, silence in enumerate(settings.silences):
        path = f"silences[{place}]"
        yield from _matchers(silence.matchers, f"{path}.matchers")
        if silence.ends_at is None:
            yield f"{path}.ends_at", "is missing; a silence has to end by itself"
        elif silence.starts_at is not None and silence.starts_at >= silence.ends_at:
            yield f"{path}.ends_at", "is not after starts_at"
        if not silence.comment.strip():
            yield f"{path}.comment", "is missing; say why, the digest shows it"
    for place, rule in enumerate(settings.inhibit_rules):
        path = f"inhibit_rules[{place}]"
        for side in ("source_matchers", "target_matchers"):
            yield from _matchers(getattr(rule, side), f"{path}.{side}")


def _matchers(texts: list[str], path: str) -> Iterator[tuple[str, str]]:
    if not texts:
        # It would be about every alert there is.
        yield path, "is empty; give at least one matcher"
    for place, wrong in label_matchers.mistakes(texts):
        yield f"{path}[{place}]", wrong

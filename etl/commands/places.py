"""Options to places: the namespace that is meant where nobody names one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.commands.invocation import Invocation

if TYPE_CHECKING:
    from etl.incident.kinds import Reference


def namespace_of(invocation: Invocation, option: str | None, about: Reference | None) -> str | None:
    """Return the namespace of the option, else the one that kubectl would take; null is every one.

    The events of a Node and its like lie in ``default``, wherever somebody works, so for
    them every namespace is looked through.
    """
    if option is not None:
        return option
    if about is not None and not about.namespaced:
        return None
    from etl.source.namespace import current  # noqa: PLC0415 -- PyYAML only where it is asked

    return current(invocation.settings.source_of(invocation.cluster), invocation.environ)

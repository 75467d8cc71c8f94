"""What can be set of the tree that says which alerts go to whom."""

from __future__ import annotations

from typing import Literal

import msgspec

from etl.config.section import Section


class Route(Section, frozen=True):
    """Which alerts go to which receiver: the deepest routes whose matchers all hold, as in Alertmanager."""

    receiver: str = ""
    """Name of the receiver; empty means that of the route above."""
    matchers: list[str] = []
    """Conditions on labels, such as ``severity="critical"`` or ``namespace=~"shop-.*"``; all must hold."""
    continue_: bool = msgspec.field(default=False, name="continue")
    """Whether the routes beside it, further down, are asked as well."""
    group_by: list[str] | None = None
    """Labels that split the digest: one message for each of their values; ``...`` stands for all labels. Null means
    those of the route above, an empty list one message."""
    mode: Literal["", "digest", "per_alert"] = ""
    """per_alert sends a message for each alert, as ``group_by: ["..."]`` does; digest none of those. Empty means that of
    the route above."""
    send: Literal["", "always", "on_change", "on_firing"] = ""
    """Which digests are worth sending, as ``digest.send`` says; empty means that of the route above, at the root the
    global one."""
    routes: list[Route] = []
    """Routes below this one; the first that matches takes the alert."""

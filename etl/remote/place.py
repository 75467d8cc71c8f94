"""Addresses of lakes on volumes: ``pvc://NAMESPACE[/CLAIM[/PATH]]`` to their parts."""

from __future__ import annotations

import re
from dataclasses import dataclass

from etl.errors import UsageError

SCHEME = "pvc://"
# As names of namespaces and claims are: DNS labels and subdomains.
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Place:
    """A lake in a namespace; an empty ``claim`` or ``path`` is what the job there says."""

    namespace: str
    claim: str = ""
    path: str = ""

    def __str__(self) -> str:
        """Write the address as ``parse`` reads it."""
        return SCHEME + "/".join(part for part in (self.namespace, self.claim, self.path) if part)


# Where deploy/ and cronjob.yaml put it: asked by the plugin of kubectl when nobody names a lake.
DEFAULT = Place("eventlake")


def parse(address: str) -> Place:
    """Read an address; raises ``UsageError`` that says how one is written."""
    namespace, _, rest = address.removeprefix(SCHEME).partition("/")
    claim, _, path = rest.partition("/")
    path = path.strip("/")
    names = [namespace, *([claim] if claim or path else [])]
    if not all(_NAME.fullmatch(name) for name in names) or ".." in path.split("/"):
        message = f"{address} is no address of a volume; write it {SCHEME}NAMESPACE or {SCHEME}NAMESPACE/CLAIM/PATH"
        raise UsageError(message)
    return Place(namespace, claim, path)

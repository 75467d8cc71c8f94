"""Accounts of the fake API server: who a token belongs to, and what RBAC lets it do."""

from __future__ import annotations

from dataclasses import dataclass

_GROUPS = frozenset({"", "events.k8s.io"})


@dataclass(frozen=True, slots=True)
class Account:
    """Who a token belongs to, and what RBAC lets it do with events; ``namespaces`` None means all."""

    user: str
    verbs: frozenset[str] = frozenset({"get", "list", "watch", "create"})
    namespaces: frozenset[str] | None = None
    groups: frozenset[str] = _GROUPS
    metadata: frozenset[str] = frozenset()
    """Resources beside events that it may list, such as pods."""

    def may(self, *, verb: str, group: str, namespace: str) -> bool:
        """Say whether RBAC allows the verb there; an empty namespace asks for all of them."""
        where = self.namespaces is None or namespace in self.namespaces
        return where and verb in self.verbs and group in self.groups

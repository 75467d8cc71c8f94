"""A job over a fake cluster that runs once a morning, and what its webhook gets."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.lib.apiserver import ApiServer
from tests.lib.commandline import NOW, Done, eventlake
from tests.lib.events import event

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
# The digest is due at nine.
NINE = NOW + timedelta(hours=1, minutes=5)
RULES = {
    "default_rules": False,
    "groups": [
        {
            "name": "shop",
            "rules": [
                {
                    "alert": "Crashes",
                    "match": {"reason": "BackOff"},
                    "by": ["cluster", "namespace", "name"],
                    "limit": 500,
                    "annotations": {"summary": "{{ labels.name }} crashes"},
                },
                {
                    "alert": "NodeLost",
                    "match": {"reason": "NodeNotReady"},
                    "by": ["cluster", "name"],
                    "urgent": True,
                    "labels": {"severity": "critical"},
                    "annotations": {"summary": "{{ labels.name }} is lost"},
                },
            ],
        }
    ],
    # One list a day proves it: events live for two.
    "source": {"ttl": "48h", "interval": "24h"},
}


class Mornings:
    """A job that runs once a morning, and what its webhook gets."""

    def __init__(
        self,
        folder: Path,
        server: ApiServer,
        http: HTTPServer,
        others: Sequence[dict[str, Any]] = (),
        **settings: Any,
    ) -> None:
        """Write the configuration; ``others`` are receivers beside the webhook."""
        self.lake, self.server, self.now = folder / "lake", server, NINE
        self.taken: list[dict[str, Any]] = []
        http.expect_request("/hook", method="POST").respond_with_handler(self._take)
        (folder / "address").write_text(http.url_for("/hook"), "utf-8")
        target = {
            "url_file": str(folder / "address"),
            "allow_http": True,
            "allow_private": True,
        }
        known = {
            **RULES,
            "lake": str(self.lake),
            "cluster": "prod",
            "receivers": [{"name": "chat", "webhook_configs": [target]}, *others],
            **settings,
        }
        kubeconfig = str(server.kubeconfig(folder / "kubeconfig"))
        known["source"] = {**known["source"], "kubeconfig": kubeconfig}
        self._config = folder / "eventlake.yaml"
        self._config.write_text(yaml.safe_dump(known), "utf-8")

    def __call__(self, *arguments: object, code: int = 0) -> Done:
        """Run a command now; the page is young enough, because it is not what is looked at here."""
        page = self.lake.parent / "reports" / "index.html"
        page.parent.mkdir(exist_ok=True)
        page.touch()
        os.utime(page, (self.now.timestamp(), self.now.timestamp()))
        done = eventlake("--config", self._config, *arguments, now=self.now)
        assert done.code == code, done.err
        return done

    def morning(self, *names: str, run: bool = True) -> list[dict[str, Any]]:
        """Let a day pass, in which these pods crash, and return what was sent after it."""
        self.now += DAY
        self.server.now = self.now
        for name in names:
            self.server.add(event(name, at=self.now - timedelta(hours=3), first=self.now))
        before = len(self.taken)
        if run:
            self("snapshot")
            self("digest")
        return self.taken[before:]

    def _take(self, request: Request) -> Response:
        self.taken.append(json.loads(request.data))
        return Response(status=200)


def told(digest: dict[str, Any]) -> dict[str, list[str]]:
    """Return the names in each part of a digest about alerts."""
    parts = ("findings", "still", "resolved", "expired")
    return {part: [one["labels"]["name"] for one in digest[part]] for part in parts if digest[part]}

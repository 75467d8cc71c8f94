"""One run of delivery for tests: a lake in a folder, a stream, and a sleep that only takes notes."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from etl.alerts import deliver
from etl.alerts.deliver import Delivery
from etl.alerts.model import Digest
from etl.alerts.receivers.target import Chart, Outside
from etl.config.receivers import (
    ChatConfig,
    ConsoleConfig,
    DingtalkConfig,
    DiscordConfig,
    FeishuConfig,
    MattermostConfig,
    Receiver,
    SlackConfig,
    TeamsConfig,
    TelegramConfig,
    WebhookConfig,
    WecomConfig,
)
from etl.config.route import Route
from etl.config.settings import Settings
from etl.lake.files import Files
from etl.lake.folders import LocalFiles
from etl.timespan import Duration
from tests.lib import chats
from tests.lib.digests import NOW


@dataclass
class Sender:
    """Sends digests from one lake; ``pauses`` are what it would have slept."""

    files: Files
    receivers: list[Receiver]
    environ: Mapping[str, str] = field(default_factory=dict)
    now: datetime = NOW
    pauses: list[float] = field(default_factory=list)
    stream: io.StringIO = field(default_factory=io.StringIO)
    page: Callable[[], bytes | None] = lambda: None
    route: Route | None = None
    chart: Chart | None = None

    @property
    def settings(self) -> Settings:
        """The configuration with these receivers."""
        return Settings(receivers=self.receivers, route=self.route)

    def send(self, digest: Digest, settings: Settings | None = None) -> Delivery:
        """Send a digest as ``run`` does."""
        return deliver.send_digest(
            digest,
            settings or self.settings,
            self.files,
            outside=Outside(self.environ, self.stream, self.page, self.chart),
            now=self.now,
            sleep=self.pauses.append,
            jitter=lambda: 1.0,
        )

    def send_pending(self, after: timedelta = timedelta(minutes=10)) -> Delivery:
        """Be a later run and send what is left."""
        self.now += after
        return deliver.send_pending(
            self.settings,
            self.files,
            outside=Outside(self.environ, self.stream),
            now=self.now,
            sleep=self.pauses.append,
            jitter=lambda: 1.0,
        )


def sender(folder: Path, *receivers: Receiver, **environ: str) -> Sender:
    """Return a sender over an empty lake in ``folder``."""
    return Sender(LocalFiles(folder), list(receivers), environ)


def wecom(url: str, name: str = "ops", **more: object) -> Receiver:
    """Return a receiver with a robot on loopback."""
    config = WecomConfig(url=url, allow_http=True, allow_private=True, **more)  # type: ignore[arg-type]
    return Receiver(name=name, wecom_configs=[config])


def webhook(url: str, name: str = "hook", **more: object) -> Receiver:
    """Return a receiver with a webhook on loopback; it waits half a second for an answer."""
    settings: dict[str, object] = {
        "allow_http": True,
        "allow_private": True,
        "timeout": Duration(seconds=0.5),
        **more,
    }
    config = WebhookConfig(url=url, **settings)  # type: ignore[arg-type]
    return Receiver(name=name, webhook_configs=[config])


def console(name: str = "log", width: int = 100) -> Receiver:
    """Return a receiver that prints."""
    return Receiver(name=name, console_configs=[ConsoleConfig(width=width)])


def chat(kind: str, url: str, **more: object) -> Receiver:
    """Return a receiver with a chat of ``kind`` on loopback, mentioning people and signing where it can."""
    config, given = _CHATS[kind]
    settings = {"allow_http": True, "allow_private": True, **given, **more}
    settings |= {"api_url": url} if kind == "telegram" else {"url": url}
    return Receiver(name=kind, **{f"{kind}_configs": [config(**settings)]})  # type: ignore[arg-type]


_CHATS: dict[str, tuple[Callable[..., ChatConfig], dict[str, object]]] = {
    "wecom": (WecomConfig, {"mentioned_mobiles": ["13800000000"], "mentioned_users": ["li"]}),
    "dingtalk": (DingtalkConfig, {"secret": chats.SECRET, "mentioned_mobiles": ["138", "@all"]}),
    "feishu": (FeishuConfig, {"secret": chats.SECRET, "mentions": ["all"]}),
    "slack": (SlackConfig, {"mentions": ["here", "U024BE7LH", "S0614TZR7"]}),
    "teams": (TeamsConfig, {"mentions": {"Li Na": "li@example.com"}}),
    "discord": (DiscordConfig, {"mentions": ["80351110224678912", "&165511591545143296"]}),
    "telegram": (
        TelegramConfig,
        {"bot_token": chats.Telegram.KEY, "chat_id": "-1001234567890"},
    ),
    "mattermost": (MattermostConfig, {"mentions": ["channel", "li"]}),
}

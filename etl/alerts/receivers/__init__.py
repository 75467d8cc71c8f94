"""Where digests go: one module per kind of target, and the table from its configuration to it."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from etl.alerts import routes, routing
from etl.alerts.model import Digest
from etl.alerts.receivers import webhook
from etl.alerts.receivers.alertmanager import Alertmanager
from etl.alerts.receivers.console import Console
from etl.alerts.receivers.dingtalk import Dingtalk
from etl.alerts.receivers.discord import Discord
from etl.alerts.receivers.feishu import Feishu
from etl.alerts.receivers.folder import Folder
from etl.alerts.receivers.longtail import Longtail
from etl.alerts.receivers.mail import Mail
from etl.alerts.receivers.mattermost import Mattermost
from etl.alerts.receivers.pagerduty import Pagerduty
from etl.alerts.receivers.slack import Slack
from etl.alerts.receivers.target import Outside, Target
from etl.alerts.receivers.teams import Teams
from etl.alerts.receivers.telegram import Telegram
from etl.alerts.receivers.webhook import Webhook
from etl.alerts.receivers.wecom import Wecom
from etl.alerts.routing import Share
from etl.config.receivers import ConsoleConfig, Receiver
from etl.config.settings import Settings

# The list of a receiver's configuration, and what is made of its entries. A new kind of target is
# a module and a line here; any config is right for its own class, which no type can say of a table.
_TARGETS: dict[str, Callable[[Any, Outside], Target]] = {
    "console_configs": Console,
    "webhook_configs": Webhook,
    "wecom_configs": Wecom,
    "dingtalk_configs": Dingtalk,
    "feishu_configs": Feishu,
    "slack_configs": Slack,
    "teams_configs": Teams,
    "discord_configs": Discord,
    "telegram_configs": Telegram,
    "mattermost_configs": Mattermost,
    "email_configs": Mail,
    "file_configs": Folder,
    "pagerduty_configs": Pagerduty,
    "alertmanager_configs": Alertmanager,
    "apprise_configs": Longtail,
}
_NOTHING = "(nothing: {})"
# These get alerts and no digests, so a wish for fewer digests does not concern them.
_PER_ALERT = {"pagerduty", "alertmanager"}
# Where nothing is configured the digest is printed: eventlake never keeps a finding to itself.
_DEFAULT = Receiver(name="console", console_configs=[ConsoleConfig()])


@dataclass(frozen=True, slots=True)
class Placed:
    """A target with its place in the configuration, which the outbox knows it by."""

    receiver: Receiver
    place: str
    """Kind and number, such as ``wecom[0]``; counted per kind, so that adding one kind moves no other."""
    target: Target

    @property
    def name(self) -> str:
        """The name for messages: the receiver's, with the place where that is not enough."""
        return title(self.receiver.name, self.place if len(_configs(self.receiver)) > 1 else "")

    @property
    def per_alert(self) -> bool:
        """Whether the target gets single alerts."""
        return self.target.kind in _PER_ALERT

    def digest(self, digest: Digest) -> Digest:
        """Return ``digest`` in the receiver's language, with no more than it wants to hear."""
        wanted = replace(digest, language=self.receiver.language or digest.language)
        return wanted if self.receiver.send_resolved else replace(wanted, resolved=())

    def wants(self, digest: Digest, settings: Settings) -> bool:
        """Whether it gets a message about its share; what is urgent concerns those alone who have some of it."""
        if self.per_alert:
            # A wish for fewer digests is none for fewer alerts, and Alertmanager forgets what is not repeated.
            return True
        if digest.kind == "urgent":
            return bool(digest.findings or digest.resolved)
        return digest.wanted(routes.send(settings, self.receiver.name))

    def shares(self, digest: Digest, settings: Settings) -> list[Share]:
        """Return what of ``digest`` is routed to the receiver, in its language."""
        # Who gets single alerts needs no groups, and counts its storm over all of them.
        found = routing.shares(digest, settings, self.receiver.name, grouped=not self.per_alert)
        return [Share(share.group, self.digest(share.digest)) for share in found]


def title(receiver: str, place: str) -> str:
    """Return how messages name a target."""
    return f"{receiver} ({place})" if place else receiver


def placed(settings: Settings, outside: Outside) -> list[Placed]:
    """Return all targets of the configuration; the console if there are none."""
    return [
        Placed(receiver, f"{_kind(field)}[{number}]", _TARGETS[field](config, outside))
        for receiver in settings.receivers or [_DEFAULT]
        for field, number, config in _configs(receiver)
    ]


def check(settings: Settings) -> list[str]:
    """Return the mistakes in payloads and headers, which only a look at the templates can find."""
    return [
        mistake
        for index, receiver in enumerate(settings.receivers)
        for number, config in enumerate(receiver.webhook_configs)
        for mistake in webhook.check(config, f"receivers[{index}].webhook_configs[{number}]")
    ]


def draws(settings: Settings) -> bool:
    """Whether any target wants a chart, which costs a second and a drawing engine."""
    return any(
        getattr(config, "chart", False)
        for receiver in settings.receivers
        for _, _, config in _configs(receiver)
    )


def preview(digest: Digest, settings: Settings) -> list[tuple[str, str, str]]:
    """Return (receiver, place, text) of what would be sent; nothing is sent, no secret is read."""
    return [
        (item.receiver.name, item.place, _shown(item, share.digest, settings))
        for item in placed(settings, Outside({}, io.StringIO()))
        for share in item.shares(digest, settings)
    ]


def _shown(item: Placed, digest: Digest, settings: Settings) -> str:
    """Return what a target would send of ``digest``, or that it would send nothing."""
    if item.wants(digest, settings):
        return item.target.preview(digest) or _NOTHING.format("there is no alert")
    return _NOTHING.format(f"send is {routes.send(settings, item.receiver.name)}")


def _configs(receiver: Receiver) -> list[tuple[str, int, Any]]:
    """Return each target's list, number in it and configuration."""
    return [
        (field, number, config)
        for field in _TARGETS
        for number, config in enumerate(getattr(receiver, field))
    ]


def _kind(field: str) -> str:
    return field.removesuffix("_configs")

"""What can be set of receivers and the way to them: one struct for each kind of target.

Secrets are never values here: they are named by file (``*_file``) or taken from the
environment by ``${NAME}``.
"""

from __future__ import annotations

from typing import Literal

from etl.config.section import Section
from etl.timespan import Duration


class ConsoleConfig(Section, frozen=True):
    """Prints the digest on standard error of the run, for people and pod logs."""

    width: int = 100
    """Columns to wrap at."""


class WireConfig(Section, frozen=True):
    """What every target on the network has."""

    allow_http: bool = False
    """Allow plain http, for a relay of your own."""
    allow_private: bool = False
    """Allow loopback, private and link-local addresses."""
    timeout: Duration = Duration(seconds=30)
    """How long one request may take."""


class ChatConfig(WireConfig, frozen=True):
    """A chat."""

    max_parts: int = 1
    """How many messages a digest may take, 1 to 3, before it is shortened; several are numbered."""


class HookConfig(ChatConfig, frozen=True):
    """A chat whose address is the key."""

    url: str = ""
    """Address, which is a secret: ``${NAME}``; or give ``url_file``."""
    url_file: str = ""
    """File that holds the address; read at each run, surrounding space is removed."""


class WecomConfig(HookConfig, frozen=True):
    """Sends to a WeCom group robot as Markdown."""

    format: Literal["markdown_v2", "markdown"] = "markdown_v2"
    """markdown_v2 has tables; markdown has colours."""
    mentioned_mobiles: list[str] = []
    """Telephone numbers, or @all, to mention in a second text message when something critical fires."""
    mentioned_users: list[str] = []
    """User ids, or @all, to mention in the same way."""
    chart: bool = False
    """Whether a chart of the window goes with the digest, as PNG: one more message, an image."""


class DingtalkConfig(HookConfig, frozen=True):
    """Sends to a DingTalk group robot as Markdown."""

    secret: str = ""
    """Secret of a robot that wants signed messages: ``${NAME}``; or give ``secret_file``."""
    secret_file: str = ""
    """File that holds the secret."""
    keyword: str = ""
    """A word that the robot wants in each message; put above the digest where it is not in it already."""
    mentioned_mobiles: list[str] = []
    """Telephone numbers, or @all, to mention when something critical fires."""


class FeishuConfig(HookConfig, frozen=True):
    """Sends to a Feishu or Lark group robot as a card."""

    secret: str = ""
    """Secret of a robot that wants signed messages: ``${NAME}``; or give ``secret_file``."""
    secret_file: str = ""
    """File that holds the secret."""
    keyword: str = ""
    """A word that the robot wants in each message; put above the digest where it is not in it already."""
    mentions: list[str] = []
    """Open ids of people, or all, to mention when something critical fires."""


class SlackConfig(HookConfig, frozen=True):
    """Sends to a Slack channel by an incoming webhook, as blocks."""

    mentions: list[str] = []
    """channel, here, everyone, or ids of people (U…) or groups (S…), to mention when something critical fires."""


class TeamsConfig(HookConfig, frozen=True):
    """Sends to a Microsoft Teams workflow as an Adaptive Card."""

    mentions: dict[str, str] = {}
    """People to mention when something critical fires: the name to show, and the address (UPN) or object id."""


class DiscordConfig(HookConfig, frozen=True):
    """Sends to a Discord channel by a webhook, as embeds."""

    mentions: list[str] = []
    """Ids of people, or of roles behind an &, to mention when something critical fires."""
    chart: bool = False
    """Whether a chart of the window goes with the digest, as PNG: in the same message."""


class MattermostConfig(HookConfig, frozen=True):
    """Sends to a Mattermost channel by an incoming webhook, as Markdown."""

    channel: str = ""
    """Another channel than the webhook's own, where it allows that."""
    mentions: list[str] = []
    """channel, here, all, or names of people, to mention when something critical fires."""


class TelegramConfig(ChatConfig, frozen=True, kw_only=True):
    """Sends to a Telegram chat by a bot, as HTML."""

    bot_token: str = ""
    """Token of the bot: ``${NAME}``; or give ``bot_token_file``."""
    bot_token_file: str = ""
    """File that holds the token."""
    chat_id: str
    """Number of the chat, or @name of a channel."""
    message_thread_id: int = 0
    """Topic of a group that has topics; 0 means none."""
    api_url: str = "https://api.telegram.org"
    """Where the API is; another one for a server of your own."""
    chart: bool = False
    """Whether a chart of the window goes with the digest, as PNG: one more message, a photo without a sound."""


class EmailConfig(Section, frozen=True, kw_only=True):
    """Sends a mail with the digest as text and as HTML, and the page attached."""

    host: str
    """The mail server."""
    port: int = 587
    """Its port: 587 with starttls, 465 with tls."""
    tls: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection is encrypted; with starttls a server that offers none gets no mail."""
    username: str = ""
    """Who logs in; empty means nobody. May name ``${ENV}``."""
    password: str = ""
    """The password: ``${NAME}``; or give ``password_file``."""
    password_file: str = ""
    """File that holds the password."""
    sender: str
    """Who the mail is from: an address, or a name with the address in angle brackets."""
    to: list[str] = []
    """Who gets it: addresses."""
    subject_prefix: str = "[eventlake] "
    """What the subject begins with."""
    attach_page: bool = True
    """Whether the page is attached, as ``run`` last wrote it."""
    chart: bool = False
    """Whether a chart of the window goes with the digest, as PNG: shown below the text."""
    allow_private: bool = False
    """Allow loopback, private and link-local addresses."""
    timeout: Duration = Duration(seconds=30)
    """How long one step of the conversation with the server may take."""


class FileConfig(Section, frozen=True, kw_only=True):
    """Writes each digest into a folder, for what picks files up."""

    folder: str
    """The folder; it is made if it is missing."""
    format: Literal["json", "markdown", "text", "html"] = "json"
    """json is the same as a webhook's body; the others are for people."""
    keep: int = 30
    """How many digests stay; the oldest of this folder go. 0 keeps all."""


class WebhookConfig(WireConfig, frozen=True):
    """Sends a payload of your own shape: a tree whose string leaves are templates."""

    url: str = ""
    """Address; prefer ``url_file``, since most webhook addresses are secrets."""
    url_file: str = ""
    """File that holds the address; read at each run, surrounding space is removed."""
    method: Literal["POST", "PUT"] = "POST"
    """HTTP method."""
    headers: dict[str, str] = {}
    """Extra headers; values are templates too and may name ``${ENV}``."""
    payload: dict[str, object] | None = None
    """The body as a tree; null means that ``format`` says it."""
    format: Literal["digest", "cloudevents", "alertmanager"] = "digest"
    """The body without a payload: the whole digest as JSON, the same as a CloudEvent, or what Alertmanager's webhook sends (version 4)."""
    signing_secret: str = ""
    """Secret (``whsec_…``) of the Standard Webhooks signature: ``${NAME}``; or give ``signing_secret_file``."""
    signing_secret_file: str = ""
    """File that holds the secret."""
    max_bytes: int = 1_000_000
    """Budget of the encoded body; the digest is shortened until it fits."""


class PagerdutyConfig(WireConfig, frozen=True):
    """Opens and resolves an incident per alert in PagerDuty (Events API v2)."""

    routing_key: str = ""
    """Integration key of the service: ``${NAME}``; or give ``routing_key_file``."""
    routing_key_file: str = ""
    """File that holds the key."""
    max_alerts: int = 25
    """Alerts that get an event of their own in one run; one more event stands for the rest."""
    api_url: str = "https://events.pagerduty.com/v2/enqueue"
    """Where events go; the European service region has another one."""


class AlertmanagerConfig(WireConfig, frozen=True):
    """Hands alerts to a Prometheus Alertmanager (API v2)."""

    url: str = ""
    """Address of the server, without the path of the API."""
    url_file: str = ""
    """File that holds the address, for one with a password."""
    bearer_token: str = ""
    """Token for a proxy before the server: ``${NAME}``; or give ``bearer_token_file``."""
    bearer_token_file: str = ""
    """File that holds the token."""
    ends_after: Duration = Duration(hours=26)
    """How long an alert fires there if nobody sends it again: the time between two digests, and some grace."""
    watchdog: Duration | None = None
    """How long after a run that went well the alert EventlakeWatchdog goes on firing there; null: there is none. Three times ``source.interval`` is enough."""


class AppriseConfig(Section, frozen=True):
    """Sends by apprise (the extra ``eventlake[apprise]``) to what has no receiver of its own here."""

    url: str = ""
    """Address in the words of apprise, such as ``ntfys://…``, a secret: ``${NAME}``; or give ``url_file``."""
    url_file: str = ""
    """File that holds the address."""
    format: Literal["text", "markdown", "html"] = "text"
    """Form of the message; apprise turns it into what the target takes."""
    max_characters: int = 2000
    """The most that a message may have, because apprise leaves it to the target to refuse or cut."""


class Receiver(Section, frozen=True):
    """A named place that digests go to: one or more targets."""

    name: str
    """The receiver's name, unique."""
    language: Literal["", "en", "zh"] = ""
    """Language of its digest; empty means the global one."""
    send_resolved: bool = True
    """Whether it is told of alerts that are over."""
    on_unknown: Literal["resend", "skip"] = "resend"
    """What becomes of a message of which nobody knows whether it arrived: resend it with a mark, or skip it, which the next digest tells."""
    console_configs: list[ConsoleConfig] = []
    """Terminals."""
    webhook_configs: list[WebhookConfig] = []
    """Generic webhooks."""
    wecom_configs: list[WecomConfig] = []
    """WeCom group robots."""
    dingtalk_configs: list[DingtalkConfig] = []
    """DingTalk group robots."""
    feishu_configs: list[FeishuConfig] = []
    """Feishu and Lark group robots."""
    slack_configs: list[SlackConfig] = []
    """Slack channels."""
    teams_configs: list[TeamsConfig] = []
    """Microsoft Teams workflows."""
    discord_configs: list[DiscordConfig] = []
    """Discord channels."""
    telegram_configs: list[TelegramConfig] = []
    """Telegram chats."""
    mattermost_configs: list[MattermostConfig] = []
    """Mattermost channels."""
    email_configs: list[EmailConfig] = []
    """Mails."""
    file_configs: list[FileConfig] = []
    """Folders."""
    pagerduty_configs: list[PagerdutyConfig] = []
    """PagerDuty services, which get single alerts."""
    alertmanager_configs: list[AlertmanagerConfig] = []
    """Alertmanagers, which get single alerts."""
    apprise_configs: list[AppriseConfig] = []
    """Whatever else apprise knows."""

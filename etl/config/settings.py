"""What can be set: frozen structs, grouped by subject, a sentence with unit and reason below each field.

The words are Prometheus' and Alertmanager's where they fit. Secrets are never
values here: they are named by file (``*_file``) or taken from the environment by
``${NAME}``.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Literal

import msgspec

from etl.timespan import Duration


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the configuration; an unknown key is a mistake."""


class Source(_Section, frozen=True):
    """Where snapshots come from, and how the cluster is asked."""

    kubeconfig: str = ""
    """Path of a kubeconfig; empty means KUBECONFIG, ~/.kube/config, else the pod's service account."""
    context: str = ""
    """Context of the kubeconfig; empty means its current one."""
    namespaces: list[str] = []
    """Namespaces to list one by one, for accounts that hold only Roles; empty means all in one LIST."""
    page_size: int = 5000
    """Events per page; few large pages cost the API server less than many small ones."""
    timeout: Duration = Duration(seconds=70)
    """How long one page may take; the API server gives up after 60 seconds itself."""
    retries: int = 5
    """How often one page is asked for again after 429, 5xx, a timeout or a broken body."""
    interval: Duration = Duration(minutes=10)
    """How often the CronJob runs; says whether the schedule leaves spare runs before events expire."""
    ttl: Duration = Duration(hours=1)
    """How long the cluster keeps an event (--event-ttl); cannot be asked for. OpenShift: 3h."""


class Storage(_Section, frozen=True):
    """How a lake in an object store is reached; a lake in a folder needs none of it.

    What is empty is looked up as the store's own tools do: environment, web identity, metadata service.
    """

    endpoint: str = ""
    """Address of an S3-compatible store, or of an emulator; empty means the cloud's own."""
    region: str = ""
    """Region of an S3 bucket; empty means AWS_REGION, else us-east-1."""
    path_style: bool = True
    """Whether an S3 bucket stands in the address's path; false: in the host's name, as some stores want it."""
    allow_http: bool = False
    """Allow an endpoint that speaks plain http."""
    ca_file: str = ""
    """File with authorities (PEM) that sign the store's certificate, beside those of the system."""
    access_key_id_file: str = ""
    """File with the S3 access key's id, or with the name of the Azure storage account."""
    secret_access_key_file: str = ""
    """File with the S3 secret access key, the Azure account key, or a Google service account's JSON."""
    timeout: Duration = Duration(seconds=30)
    """How long one request may take."""
    retries: int = 5
    """How often a request is repeated after 5xx, a reset or a timeout, with growing pauses."""


class Digest(_Section, frozen=True):
    """When the digest is due and what it looks at."""

    at: str = "09:00"
    """Time of day, in ``timezone``, from which the digest is due."""
    weekdays: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] = []
    """Days on which it is due; empty means every day."""
    baseline: Duration = Duration(days=7)
    """How far back the comparison reaches before the window."""
    min_baseline_days: int = 3
    """Days of history below which no comparison is made."""
    external_url: str = ""
    """Where the page is served, for the link in the digest; empty means no link."""
    send: Literal["always", "on_change", "on_firing"] = "always"
    """always: a quiet day is one line; on_firing: a quiet and fully covered day sends nothing; on_change: neither does one on which nothing is new, resolved or to be repeated."""
    repeat_interval: Duration = Duration(days=3)
    """After how long an alert that still fires is told in full again; between, it is one line."""
    lateness: Duration = Duration(hours=2)
    """How old an event may be that a rule with a ``window`` still counts when it comes to light late."""


class Report(_Section, frozen=True):
    """The page that ``run`` writes."""

    output: str = ""
    """Folder for the page; empty means ``reports`` beside the lake, with an object store in the current folder."""
    since: Duration = Duration(hours=24)
    """The span that the page shows."""
    folders: list[str] = []
    """Folders with reports of your own (``*.sql``), relative to this file; they join the page and every command."""
    every: Duration = Duration(hours=1)
    """How old the page may become before ``run`` writes it anew; it costs more than a snapshot."""


class Retention(_Section, frozen=True):
    """How long the lake keeps what it holds. Whole UTC days go, with their rows of the ledger."""

    keep_days: int = 0
    """Days to keep before today; 0 keeps them for ever. A digest needs its baseline and three days more."""
    clusters: dict[str, int] = {}
    """The same for single clusters, by name; 0 keeps one for ever."""

    def days(self, cluster: str) -> int:
        """Return how many days of ``cluster`` are kept; 0 for all."""
        return self.clusters.get(cluster, self.keep_days)

    def first_day(self, cluster: str, now: datetime) -> date | None:
        """Return the oldest UTC day of ``cluster`` that is kept; null where all is kept."""
        days = self.days(cluster)
        return now.astimezone(UTC).date() - timedelta(days=days) if days else None

    def not_before(self, cluster: str, now: datetime) -> date | None:
        """Return the oldest UTC day of which anything new is taken; null where all is kept.

        One day younger than the first that is kept: that one's numbers are fixed, because what
        they were counted from is gone.
        """
        first = self.first_day(cluster, now)
        return first + timedelta(days=1) if first else None


class Sql(_Section, frozen=True):
    """What a statement of ``sql`` or ``shell`` may take."""

    timeout: Duration = Duration(minutes=1)
    """How long one statement may run."""
    memory: str = "2GB"
    """What it may hold in memory, such as 512MB or 4GB; nothing of it is put on a disk."""


class Match(_Section, frozen=True):
    """What a declarative rule counts: all given columns must match.

    A value is a text (equal), a list (any of them); ``!text`` negates, ``=~regex``
    matches the whole value by RE2, ``!~regex`` negates that.
    """

    type: str | list[str] | None = None
    """Normal or Warning; rarely what you want, because it is not a severity."""
    reason: str | list[str] | None = None
    """The event's reason."""
    namespace: str | list[str] | None = None
    """Namespace of the event."""
    kind: str | list[str] | None = None
    """Kind of the object (``object_kind``)."""
    name: str | list[str] | None = None
    """Name of the object (``object_name``)."""
    node: str | list[str] | None = None
    """The Node that the event is about, else the reporter's host: the node for a kubelet."""
    component: str | list[str] | None = None
    """Who reported, such as kubelet."""
    message: str | list[str] | None = None
    """The text of the event."""


class Rule(_Section, frozen=True):
    """One question whose answers are findings: a match with a threshold, or one SELECT."""

    alert: str
    """The rule's name, unique, in CamelCase."""
    match: Match | None = None
    """Declarative form: what to count."""
    expr: str = ""
    """SQL form: one SELECT with a ``value`` column; $start, $end and $base are bound."""
    by: list[str] = []
    """Labels of a finding: cluster, namespace, reason, type, kind, name, node, component; for SQL, its columns."""
    threshold: str = "> 0"
    """Comparison of ``value``: one of >, >=, <, <=, ==, != and a number."""
    for_: str = msgspec.field(default="1 run", name="for")
    """In how many evaluations in a row it has to be over its threshold before it is told, such as ``2 runs``."""
    keep_firing_for: Duration = Duration(0)
    """How long an alert is still said to fire after it was last over its threshold."""
    window: Duration | None = None
    """The span before the evaluation that is counted; null: what was learned since the evaluation before."""
    urgent: bool = False
    """Whether ``run`` asks it after each snapshot too, and tells at once."""
    limit: int = 50
    """Findings kept, the greatest values first; what is cut is counted."""
    enabled: bool = True
    """Switch; a switched-off rule is counted in the digest."""
    labels: dict[str, str] = {}
    """Labels put on every finding; ``severity`` is critical, warning or info."""
    annotations: dict[str, str] = {}
    """summary, description, runbook_url, also summary_zh and description_zh: Jinja leaves over ``value``, ``baseline``, ``labels`` and ``columns``."""


class RuleGroup(_Section, frozen=True):
    """Rules that share labels."""

    name: str
    """The group's name, unique."""
    labels: dict[str, str] = {}
    """Labels put on every finding of the group; a rule's own win."""
    rules: list[Rule] = []
    """The group's rules."""


class RuleOverride(_Section, frozen=True):
    """A switch on a rule that is defined elsewhere, such as a default one."""

    enabled: bool | None = None
    """Whether the rule is evaluated."""
    until: datetime | None = None
    """When the override ends by itself."""
    threshold: str | None = None
    """Another threshold."""
    severity: Literal["critical", "warning", "info"] | None = None
    """Another severity."""
    comment: str = ""
    """Why; shown in the digest."""


class Silence(_Section, frozen=True):
    """Alerts that are not told for a time. They are evaluated, remembered and counted all the same."""

    matchers: list[str]
    """Conditions on labels that must all hold, such as ``namespace=~"dev-.*"``; ``alertname`` is the rule, ``severity`` its severity."""
    starts_at: datetime | None = None
    """When it begins; null: it always did."""
    ends_at: datetime | None = None
    """When it ends by itself. It has to."""
    created_by: str = ""
    """Who asked for it; shown in the digest."""
    comment: str = ""
    """Why; shown in the digest."""


class InhibitRule(_Section, frozen=True):
    """Alerts that are not told while another one fires that stands for them."""

    source_matchers: list[str]
    """Conditions on the labels of the alert that stands for others."""
    target_matchers: list[str]
    """Conditions on the labels of those that are held back."""
    equal: list[str] = []
    """Labels that must be the same on both; one that both lack is the same."""


class Urgent(_Section, frozen=True):
    """What is told at once, after a snapshot: rules with ``urgent: true``."""

    pause: Duration = Duration(minutes=30)
    """How long after one urgent message the next one may follow; what comes between waits and is told then."""
    longest: Duration = Duration(hours=6)
    """How far back an evaluation looks after runs that failed; the digest tells what is older."""


class ConsoleConfig(_Section, frozen=True):
    """Prints the digest on standard error of the run, for people and pod logs."""

    width: int = 100
    """Columns to wrap at."""


class WireConfig(_Section, frozen=True):
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


class EmailConfig(_Section, frozen=True, kw_only=True):
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
    allow_private: bool = False
    """Allow loopback, private and link-local addresses."""
    timeout: Duration = Duration(seconds=30)
    """How long one step of the conversation with the server may take."""


class FileConfig(_Section, frozen=True, kw_only=True):
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


class AppriseConfig(_Section, frozen=True):
    """Sends by apprise (the extra ``eventlake[apprise]``) to what has no receiver of its own here."""

    url: str = ""
    """Address in the words of apprise, such as ``ntfys://…``, a secret: ``${NAME}``; or give ``url_file``."""
    url_file: str = ""
    """File that holds the address."""
    format: Literal["text", "markdown", "html"] = "text"
    """Form of the message; apprise turns it into what the target takes."""
    max_characters: int = 2000
    """The most that a message may have, because apprise leaves it to the target to refuse or cut."""


class Receiver(_Section, frozen=True):
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


class Route(_Section, frozen=True):
    """Which alerts go to which receiver: the deepest routes whose matchers all hold, as in Alertmanager."""

    receiver: str = ""
    """Name of the receiver; empty means that of the route above."""
    matchers: list[str] = []
    """Conditions on labels, such as ``severity="critical"`` or ``namespace=~"shop-.*"``; all must hold."""
    continue_: bool = msgspec.field(default=False, name="continue")
    """Whether the routes beside it, further down, are asked as well."""
    group_by: list[str] = []
    """Labels that split the digest: one message for each of their values; ``...`` stands for all labels, one message
    per alert. Empty means one message."""
    routes: list[Route] = []
    """Routes below this one; the first that matches takes the alert."""


class Settings(_Section, frozen=True):
    """The whole configuration."""

    version: Literal[1] = 1
    """Version of this file's format."""
    lake: str = ""
    """Folder of the lake, or s3://, gs:// or az:// with bucket and prefix; --lake and EVENTLAKE_LAKE win."""
    cluster: str = ""
    """The cluster's name; --cluster and EVENTLAKE_CLUSTER win; empty means the kubeconfig's cluster name."""
    timezone: str = "UTC"
    """IANA timezone in which days and hours are cut and times are shown."""
    language: Literal["en", "zh"] = "en"
    """Language of digests and the page."""
    source: Source = Source()
    """Snapshots."""
    storage: Storage = Storage()
    """The object store of the lake."""
    digest: Digest = Digest()
    """The digest."""
    report: Report = Report()
    """The page."""
    retention: Retention = Retention()
    """How long the lake keeps what it holds."""

    sql: Sql = Sql()
    """Statements of your own."""
    default_rules: bool = True
    """Whether the rules that eventlake brings are evaluated."""
    groups: list[RuleGroup] = []
    """Your rules."""
    rule_files: list[str] = []
    """Files with ``groups``, relative to this file; globs are expanded."""
    rule_overrides: dict[str, RuleOverride] = {}
    """Switches by rule name."""
    silences: list[Silence] = []
    """What is not told for a time; ``eventlake silence add`` makes more."""
    inhibit_rules: list[InhibitRule] = []
    """Which alerts stand for which others."""
    urgent: Urgent = Urgent()
    """What does not wait for the digest."""
    receivers: list[Receiver] = []
    """Where digests go; none means the console."""
    route: Route | None = None
    """Which alerts go where; without it every receiver gets all of them."""
    allow_inline_secrets: bool = False
    """Whether secrets of receivers may stand in this file; otherwise only ``*_file`` and ``${NAME}`` are taken."""

"""What can be set: frozen structs, grouped by subject, a sentence with unit and reason below each field.

The words are Prometheus' and Alertmanager's where they fit. Secrets are never
values here: they are named by file (``*_file``) or taken from the environment by
``${NAME}``.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Literal

from etl.config.alerting import InhibitRule, RuleGroup, RuleOverride, Silence, Urgent
from etl.config.door import Ingest
from etl.config.fleet import Cluster
from etl.config.forwarding import Forward
from etl.config.owners import Owners
from etl.config.receivers import Receiver
from etl.config.route import Route
from etl.config.section import Section
from etl.config.watching import Heartbeat, Metrics
from etl.timespan import Duration


class Watch(Section, frozen=True):
    """Whether a snapshot takes only what changed since the one before."""

    enabled: bool = False
    """Take what changed by a WATCH where the snapshot before is minutes old; needs the verb watch on events."""
    list_every: int = 6
    """At least every so many snapshots is a full LIST, which proves anew what the others go on from."""
    quiet: Duration = Duration(seconds=2)
    """For how long a quiet stream is listened to before it counts as drained; a busy one says so itself."""


class Source(Section, frozen=True):
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
    deadline: Duration = Duration(minutes=2)
    """How long a snapshot may take in all where several clusters are read; the next one has its turn then."""
    interval: Duration = Duration(minutes=10)
    """How often the CronJob runs; says whether the schedule leaves spare runs before events expire."""
    ttl: Duration = Duration(hours=1)
    """How long the cluster keeps an event (--event-ttl); cannot be asked for. OpenShift: 3h."""
    watch: Watch = Watch()
    """Incremental snapshots, for intervals of up to 4 minutes."""


class Imports(Section, frozen=True):
    """What an archive given to ``import`` may hold; one that holds more is refused whole."""

    max_unpacked_gb: int = 100
    """Gibibytes that all archives of one import may unpack to, each within another counted again."""
    max_ratio: int = 500
    """How many times its size a compressed file may unpack to, looked at from 256 MiB on; bombs reach 1,000 with gzip and more with zstandard."""
    max_entries: int = 250_000
    """Files, folders and links in all archives of one import; zip keeps a table of all of them in memory."""
    max_depth: int = 3
    """How deep archives may lie within archives."""


class Storage(Section, frozen=True):
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


class Digest(Section, frozen=True):
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
    expire_after: Duration = Duration(days=7)
    """How long an alert stands of which nobody can know anything, before it is closed as expired."""
    lateness: Duration = Duration(hours=2)
    """How old an event may be that a rule with a ``window`` still counts when it comes to light late."""


class Report(Section, frozen=True):
    """The page that ``run`` writes."""

    page: bool = True
    """Whether ``run`` writes it; false where nobody could read it, as on the disk of a pod that ends."""
    output: str = ""
    """Folder for the page; empty means ``reports`` beside the lake, with an object store in the current folder."""
    since: Duration = Duration(hours=24)
    """The span that the page shows."""
    folders: list[str] = []
    """Folders with reports of your own (``*.sql``), relative to this file; they join the page and every command."""
    every: Duration = Duration(hours=1)
    """How old the page may become before ``run`` writes it anew; it costs more than a snapshot."""


class Retention(Section, frozen=True):
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


class Schedule(Section, frozen=True):
    """How ``eventlake schedule`` goes on; when it takes snapshots is said by ``source.interval``."""

    jitter: Duration = Duration(seconds=10)
    """Within how long a snapshot comes, around its time: a tenth of the interval at most. Many clusters are then not asked at one moment."""
    upkeep: Duration = Duration(hours=1)
    """How often closed days are sealed and old ones deleted."""
    grace: Duration = Duration(seconds=20)
    """How long what runs may still take after SIGTERM or Ctrl-C; five seconds less than the pod's terminationGracePeriodSeconds, or even less."""


class Sql(Section, frozen=True):
    """What a statement of ``sql`` or ``shell`` may take."""

    timeout: Duration = Duration(minutes=1)
    """How long one statement may run, also one of a rule."""
    memory: str = "2GB"
    """What it may hold in memory, such as 512MB or 4GB; nothing of it is put on a disk."""


class Settings(Section, frozen=True):
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
    ingest: Ingest = Ingest()
    """What is masked or left out before anything is stored."""
    owners: Owners = Owners()
    """Labels and owners, for routing by team."""
    clusters: list[Cluster] = []
    """Several clusters, read by one job; each may say for itself what ``source`` says for all."""
    parallel: int = 4
    """How many of ``clusters`` are read at once; each one that is read takes memory."""
    imports: Imports = Imports()
    """Archives that are imported."""
    storage: Storage = Storage()
    """The object store of the lake."""
    digest: Digest = Digest()
    """The digest."""
    report: Report = Report()
    """The page."""
    retention: Retention = Retention()
    """How long the lake keeps what it holds."""

    schedule: Schedule = Schedule()
    """Running without a CronJob."""
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
    forward: Forward = Forward()
    """What is handed on to other systems."""
    metrics: Metrics = Metrics()
    """Metrics for Prometheus."""
    heartbeat: Heartbeat = Heartbeat()
    """Who misses us when no run comes."""
    allow_inline_secrets: bool = False
    """Whether secrets may stand in this file; otherwise only ``*_file`` and ``${NAME}`` are taken."""

    @property
    def cluster_names(self) -> tuple[str, ...]:
        """The clusters that are expected in the lake, in the order of the file; none where nothing names one."""
        named = [cluster.name for cluster in self.clusters]
        return tuple(named or ([self.cluster] if self.cluster else []))

    def source_of(self, cluster: str) -> Source:
        """Return the section ``source`` as it is for ``cluster``."""
        own = next((one for one in self.clusters if one.name == cluster), None)
        return self.source if own is None else own.over(self.source)

    def ttl(self, cluster: str | None = None) -> Duration:
        """Return the TTL of ``cluster``; of all of them (null) the longest, after which each one's events are gone."""
        if cluster is not None:
            return self.source_of(cluster).ttl
        return max([self.source.ttl, *(self.source_of(one.name).ttl for one in self.clusters)])

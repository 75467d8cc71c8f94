"""What can be set of forwarding: who gets each new observation, in what form, and which ones.

The route tree and its words are kubernetes-event-exporter's; secrets are named by file
(``*_file``) or taken from the environment by ``${NAME}``.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from etl.config.receivers import WireConfig
from etl.config.section import Section
from etl.timespan import Duration


class Match(Section, frozen=True):
    """What an event must be: every field that is given must match, as a regular expression found anywhere in the value."""

    receiver: str = ""
    """Name of the target that gets an event that matches; in ``drop`` it means nothing."""
    kind: str = ""
    """Kind of the object that the event is about."""
    namespace: str = ""
    """Namespace of the event."""
    reason: str = ""
    """Reason of the event."""
    type: str = ""
    """Type of the event: Normal or Warning."""
    message: str = ""
    """Message of the event."""
    api_version: str = msgspec.field(default="", name="apiVersion")
    """API version of the object."""
    component: str = ""
    """Component that reported the event."""
    host: str = ""
    """Host from which it was reported."""
    labels: dict[str, str] = {}
    """Labels of the object, where they are known; all must match."""
    annotations: dict[str, str] = {}
    """Annotations of the object, where they are known; all must match."""
    min_count: int = msgspec.field(default=0, name="minCount")
    """Least count of the event (``n``)."""


class ForwardRoute(Section, frozen=True):
    """One level of the tree: what is dropped, who gets what matches, and what lies below."""

    drop: list[Match] = []
    """An event that matches any of these goes no further on this way."""
    match: list[Match] = []
    """An event that matches one goes to its target; one that matches all of them goes on to ``routes``."""
    routes: list[ForwardRoute] = []
    """Routes below; each is asked."""


class TlsConfig(Section, frozen=True):
    """How a connection is secured."""

    enabled: bool = False
    """Whether TLS is spoken."""
    ca_file: str = ""
    """File with the authorities (PEM) that sign the other side's certificate; empty means those of the system."""
    cert_file: str = ""
    """File with our own certificate (PEM), where the other side asks for one."""
    key_file: str = ""
    """File with the key of it."""
    insecure_skip_verify: bool = False
    """Take any certificate. Whoever can stand in the way then reads everything."""


class SaslConfig(Section, frozen=True):
    """How we say who we are to Kafka."""

    mechanism: Literal["", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = ""
    """The mechanism; empty means none."""
    username: str = ""
    """The user."""
    password: str = ""
    """Password, which is a secret: ``${NAME}``; or give ``password_file``."""
    password_file: str = ""
    """File that holds the password."""


class KafkaTarget(Section, frozen=True):
    """A topic in Kafka; the key of a record is the event's uid, so that one partition keeps its order."""

    brokers: list[str]
    """Addresses to begin with, as host:port."""
    topic: str
    """The topic; may be a template such as ``events-{{ cluster }}``."""
    client_id: str = "eventlake"
    """Our name in the broker's logs and quotas."""
    compression: Literal["none", "gzip", "snappy", "lz4", "zstd"] = "zstd"
    """How batches are compressed."""
    tls: TlsConfig = TlsConfig()
    """TLS."""
    sasl: SaslConfig = SaslConfig()
    """Login."""
    timeout: Duration = Duration(seconds=30)
    """How long a batch may wait for its acknowledgement by all replicas in sync."""


class ElasticsearchTarget(WireConfig, frozen=True, kw_only=True):
    """An index of Elasticsearch, or of OpenSearch, written by bulk requests."""

    hosts: list[str]
    """Addresses, as https://host:9200; the first that answers is asked."""
    index: str = "kube-events-{date:%Y.%m.%d}"
    """Index or data stream; ``{date:%Y.%m}`` is the UTC date of last_seen, so that a repeat meets its first."""
    data_stream: bool = False
    """Whether ``index`` names a data stream: documents are created, and one that is there already is left."""
    template: bool = False
    """Whether an index template for ``index`` is put where none is there."""
    id: Literal["observation", "event"] = "observation"
    """What is one document: each observation, or the event with its newest state (as useEventID does)."""
    dedot: bool = False
    """Whether dots in names of labels and annotations become underscores."""
    username: str = ""
    """User for basic authentication."""
    password: str = ""
    """Its password, which is a secret: ``${NAME}``; or give ``password_file``."""
    password_file: str = ""
    """File that holds the password."""
    api_key: str = ""
    """API key in its encoded form, which is a secret: ``${NAME}``; or give ``api_key_file``."""
    api_key_file: str = ""
    """File that holds the API key."""
    tls: TlsConfig = TlsConfig()
    """Authorities and our own certificate; whether TLS is spoken is said by the address."""
    max_bytes: int = 5_000_000
    """Most bytes of one bulk request, before it is compressed; a document that is larger goes alone."""
    gzip: bool = True
    """Whether requests are compressed."""


class HttpTarget(WireConfig, frozen=True):
    """One request for each observation."""

    url: str = ""
    """Address, which is a secret: ``${NAME}``; or give ``url_file``."""
    url_file: str = ""
    """File that holds the address."""
    method: Literal["POST", "PUT"] = "POST"
    """The method."""
    headers: dict[str, str] = {}
    """Headers; values may be ``${NAME}`` or templates."""
    text: str = ""
    """A template for a body that is no JSON; empty means ``layout``."""


class FileTarget(Section, frozen=True):
    """A file of JSON lines, appended to."""

    path: str
    """Where it is."""


class StdoutTarget(Section, frozen=True):
    """JSON lines on standard output."""


class Target(Section, frozen=True):
    """One who gets observations: a name, a form and exactly one kind of target."""

    name: str
    """Its name: what routes say, and what its position in the lake is kept under."""
    layout: object = None
    """A tree whose string leaves are templates, which is the document; null means the whole event with ``clusterName``."""
    kafka: KafkaTarget | None = None
    """A topic in Kafka."""
    elasticsearch: ElasticsearchTarget | None = None
    """An index in Elasticsearch."""
    opensearch: ElasticsearchTarget | None = None
    """An index in OpenSearch."""
    http: HttpTarget | None = None
    """An address that takes a request for each observation."""
    file: FileTarget | None = None
    """A file of JSON lines."""
    stdout: StdoutTarget | None = None
    """Standard output."""


class Forward(Section, frozen=True):
    """Handing on what is new, after each snapshot."""

    targets: list[Target] = []
    """Who gets it; none means that nothing is handed on."""
    route: ForwardRoute | None = None
    """Which events go to whom; without it every target gets all of them."""
    timeout: Duration = Duration(minutes=2)
    """How long one run may take handing on, all targets together; what is left waits for the next."""

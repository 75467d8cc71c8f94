"""The section ``forward`` of the configuration: what is read, and how every mistake is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from etl.config import read

ENVIRON = {"HOOK": "https://hooks.example/events?key=s3cret", "PASSWORD": "s3cret"}
STDOUT = "forward: {targets: [{name: a, stdout: {}}], "


def found(tmp_path: Path, text: str) -> tuple[list[str], list[str]]:
    """Write and read a configuration; return its mistakes and warnings without the file's name."""
    file = tmp_path / "eventlake.yaml"
    file.write_text(text, "utf-8")
    loaded = read.read(file, environ=ENVIRON)
    told = [str(mistake) for mistake in loaded.mistakes], loaded.warnings
    return [m.removeprefix(f"{file}: ") for m in told[0]], [
        w.removeprefix(f"{file}: ") for w in told[1]
    ]


def test_the_words_of_kubernetes_event_exporter_are_read(tmp_path: Path) -> None:
    """A tree of routes in its words, and secrets that come from the environment, are a configuration without a mistake."""
    text = """
    owners: {enabled: true, labels: [version]}
    forward:
      targets:
      - name: stream
        kafka:
          brokers: ["192.0.2.50:9092"]
          topic: kubernetes-event
          sasl: {mechanism: SCRAM-SHA-512, username: u, password: "${PASSWORD}"}
        layout: {kind: "{{ event.involvedObject.kind }}", n: 1, tags: [a, {"$json": event.count}]}
      - name: hook
        http: {url: "${HOOK}", headers: {X-API-Key: "${PASSWORD}", X-Reason: "{{ event.reason }}"}}
      route:
        drop: [{namespace: "^kube-", type: Normal}]
        match: [{receiver: stream}, {receiver: hook, apiVersion: v1, minCount: 5, labels: {version: dev}}]
        routes: [{match: [{receiver: hook}]}]
    """
    assert found(tmp_path, text) == ([], [])
    forward = read.load(tmp_path / "eventlake.yaml", environ=ENVIRON).forward
    assert forward.route
    assert forward.route.match[1].min_count == 5
    assert forward.targets[1].http
    # The value joins the header when it is sent, where no event can meet it.
    assert forward.targets[1].http.headers["X-API-Key"] == "${PASSWORD}"


MISTAKES = {
    "no kind": (
        "forward: {targets: [{name: a}]}",
        "forward.targets[0]: has no kind of target; give one of kafka, elasticsearch, opensearch, http, file, stdout (of stdout nothing can be set: stdout: {})",
    ),
    "two kinds": (
        "forward: {targets: [{name: a, stdout: {}, file: {path: x}}]}",
        "forward.targets[0]: is file and stdout at once; give each a target of its own",
    ),
    "one name twice": (
        "forward: {targets: [{name: a, stdout: {}}, {name: a, file: {path: x}}]}",
        "forward.targets[1].name: 'a' is the name of another target already (forward.targets[0])",
    ),
    "a name that is a path": (
        "forward: {targets: [{name: ../a, stdout: {}}]}",
        "forward.targets[0].name: takes letters, digits, dots, underscores and hyphens, at most 63; its position in the lake is kept under it",
    ),
    "an unknown receiver": (
        STDOUT + "route: {routes: [{match: [{receiver: b}]}]}}",
        "forward.route.routes[0].match[0].receiver: there is no target 'b'; there are a",
    ),
    "a glob for an expression": (
        STDOUT + "route: {drop: [{namespace: '*test*'}], match: [{receiver: a}]}}",
        "forward.route.drop[0].namespace: '*test*' is no expression of RE2: no argument for repetition operator: *; kubernetes-event-exporter would never match it, and not say so",
    ),
    "an expression for a label": (
        "owners: {enabled: true, labels: [app]}\n"
        + STDOUT
        + "route: {match: [{receiver: a, labels: {app: '('}}]}}",
        "forward.route.match[0].labels[app]: '(' is no expression of RE2: missing ): (; kubernetes-event-exporter would never match it, and not say so",
    ),
    "what only C++ has": (
        STDOUT + r"route: {match: [{receiver: a, message: '\C'}]}}",
        r"forward.route.match[0].message: '\\C' is no expression of RE2: \C could cut a character in two; kubernetes-event-exporter would never match it, and not say so",
    ),
    "a count below zero": (
        STDOUT + "route: {match: [{receiver: a, minCount: -1}]}}",
        "forward.route.match[0].minCount: -1 is negative",
    ),
    "a password": (
        "forward: {targets: [{name: a, kafka: {brokers: ['x:1'], topic: t, sasl: {mechanism: PLAIN, username: u, password: p}}}]}",
        "forward.targets[0].kafka.sasl.password: holds a secret; name a file with password_file, or write ${NAME}",
    ),
    "an API key": (
        "forward: {targets: [{name: a, opensearch: {hosts: ['https://x:1'], api_key: k}}]}",
        "forward.targets[0].opensearch.api_key: holds a secret; name a file with api_key_file, or write ${NAME}",
    ),
    "an address that is a key": (
        "forward: {targets: [{name: a, http: {url: 'https://x.example/in?token=1'}}]}",
        "forward.targets[0].http.url: holds a secret; name a file with url_file, or write ${NAME}",
    ),
    "a header that is a key": (
        "forward: {targets: [{name: a, http: {url: 'https://x.example/in', headers: {X-API-KEY: '123'}}}]}",
        "forward.targets[0].http.headers.X-API-KEY: holds a secret; write ${NAME}, which is taken from the environment",
    ),
    "a header without its variable": (
        "forward: {targets: [{name: a, http: {url: 'https://x.example/in', headers: {X: '${NONE}'}}}]}",
        "forward.targets[0].http.headers.X: the environment has no variable NONE",
    ),
    "no address": (
        "forward: {targets: [{name: a, http: {}}]}",
        "forward.targets[0].http: has no address; give url_file, or url",
    ),
    "plain http": (
        "forward: {targets: [{name: a, http: {url: 'http://x.example/in'}}]}",
        "forward.targets[0].http.url: is plain http; use https, or say allow_http: true",
    ),
    "a body and a layout": (
        "forward: {targets: [{name: a, layout: {a: 1}, http: {url: 'https://x.example/in', text: t}}]}",
        "forward.targets[0].layout: is of no use beside http.text, which is the body",
    ),
    "a broker without a port": (
        "forward: {targets: [{name: a, kafka: {brokers: [x], topic: t}}]}",
        "forward.targets[0].kafka.brokers[0]: 'x' is not host:port",
    ),
    "a broker with a scheme": (
        "forward: {targets: [{name: a, kafka: {brokers: ['kafka://x:1'], topic: t}}]}",
        "forward.targets[0].kafka.brokers[0]: 'kafka://x:1' is not host:port",
    ),
    "a port that there is not": (
        "forward: {targets: [{name: a, kafka: {brokers: ['x:70000', '[::1]:9092'], topic: t}}]}",
        "forward.targets[0].kafka.brokers[0]: 'x:70000' is not host:port",
    ),
    "no topic": (
        "forward: {targets: [{name: a, kafka: {brokers: ['x:1'], topic: ''}}]}",
        "forward.targets[0].kafka.topic: is empty",
    ),
    "authorities of nothing": (
        "forward: {targets: [{name: a, kafka: {brokers: ['x:1'], topic: t, tls: {ca_file: c}}}]}",
        "forward.targets[0].kafka.tls.enabled: is missing; without it nothing is encrypted",
    ),
    "a login without a password": (
        "forward: {targets: [{name: a, kafka: {brokers: ['x:1'], topic: t, sasl: {mechanism: PLAIN, username: u}}}]}",
        "forward.targets[0].kafka.sasl: has no password; give password_file, or password",
    ),
    "a login without a mechanism": (
        "forward: {targets: [{name: a, kafka: {brokers: ['x:1'], topic: t, sasl: {username: u, password_file: f}}}]}",
        "forward.targets[0].kafka.sasl.mechanism: is missing; give PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512",
    ),
    "a certificate without its key": (
        "forward: {targets: [{name: a, kafka: {brokers: ['x:1'], topic: t, tls: {enabled: true, cert_file: c}}}]}",
        "forward.targets[0].kafka.tls: has one of cert_file and key_file; give both",
    ),
    "a user in an address": (
        "forward: {targets: [{name: a, elasticsearch: {hosts: ['https://u:p@x:1']}}]}",
        "forward.targets[0].elasticsearch.hosts[0]: holds a user; give username and password_file",
    ),
    "a user without a password": (
        "forward: {targets: [{name: a, elasticsearch: {hosts: ['https://x:1'], username: u}}]}",
        "forward.targets[0].elasticsearch: has one of username and password; give both",
    ),
    "two logins": (
        "forward: {targets: [{name: a, elasticsearch: {hosts: ['https://x:1'], username: u, password_file: f, api_key_file: f}}]}",
        "forward.targets[0].elasticsearch: has an API key and a user; give one of them",
    ),
    "a stream that overwrites": (
        "forward: {targets: [{name: a, elasticsearch: {hosts: ['https://x:1'], index: e, data_stream: true, id: event}}]}",
        "forward.targets[0].elasticsearch.id: event overwrites documents, and a data stream only takes new ones",
    ),
    "a port that is none": (
        "forward: {targets: [{name: a, elasticsearch: {hosts: ['https://x:99999']}}]}",
        "forward.targets[0].elasticsearch.hosts[0]: is not an address; write it like https://host:9200",
    ),
    "a name that is none": (
        "forward: {targets: [{name: a, elasticsearch: {hosts: ['https://x..y:9200']}}]}",
        "forward.targets[0].elasticsearch.hosts[0]: is not an address; write it like https://host:9200",
    ),
    "an address with a query": (
        "forward: {targets: [{name: a, elasticsearch: {hosts: ['https://x:1/?pretty']}}]}",
        "forward.targets[0].elasticsearch.hosts[0]: is not an address; write it like https://host:9200",
    ),
    "TLS with plain http": (
        "forward: {targets: [{name: a, elasticsearch: {hosts: ['http://x:1'], allow_http: true, tls: {enabled: true}}}]}",
        "forward.targets[0].elasticsearch.tls: is of no use: TLS is spoken with hosts that begin with https://",
    ),
    "an index in capitals": (
        "forward: {targets: [{name: a, opensearch: {hosts: ['https://x:1'], index: 'Kube-{date:%Y}'}}]}",
        "forward.targets[0].opensearch.index: 'Kube-2026' is no name of an index: it takes small letters, digits and most signs, none of \\ / * ? \" < > | , # : { } and no space",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_each_mistake_is_named_with_its_place(tmp_path: Path, name: str) -> None:
    """What cannot work is refused before anything runs, and says what is accepted; secrets are not quoted."""
    text, told = MISTAKES[name]
    assert found(tmp_path, text)[0] == [told]


def test_what_can_never_match_is_told(tmp_path: Path) -> None:
    """A rule about labels that nobody keeps, and a target that nothing leads to, are warned of and no mistakes."""
    text = STDOUT + "route: {drop: [{}], match: [{labels: {team: x}, annotations: {y: z}}]}}"
    assert found(tmp_path, text) == (
        [],
        [
            "forward.route.drop[0]: says nothing that an event must be, so every event is dropped here",
            "forward.route.match[0].labels: team is not among owners.labels, so it is not known and this never matches",
            "forward.route.match[0].annotations: annotations of objects are not in the lake, so this never matches",
            "forward.targets[0].name: 'a' is named by no match of forward.route, so it gets nothing",
        ],
    )

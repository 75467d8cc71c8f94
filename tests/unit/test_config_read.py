"""The configuration file: what is read, and how every mistake is named."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from etl.config import read
from etl.config.fleet import Cluster
from etl.config.settings import Settings, Source
from etl.errors import ConfigError
from etl.timespan import Duration

ENVIRON = {
    "HOOK": "https://chat.example/hook?key=s3cret",
    "PAGE": "1000",
    "TEAM": "shop",
    "ZONE": "UTC",
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the path of a configuration file that is still to be written."""
    return tmp_path / "eventlake.yaml"


def loaded(file: Path, text: str) -> Settings:
    """Write and load a configuration."""
    file.write_text(text, "utf-8")
    return read.load(file, environ=ENVIRON)


def mistakes(file: Path, text: str) -> list[str]:
    """Write a configuration and return its mistakes, without the file's name."""
    file.write_text(text, "utf-8")
    found = [str(mistake) for mistake in read.read(file, environ=ENVIRON).mistakes]
    assert all(line.startswith(f"{file}: ") for line in found)
    return [line.removeprefix(f"{file}: ") for line in found]


def test_no_file_means_the_defaults() -> None:
    """Without a file everything has its default."""
    assert read.load(None, environ={}) == Settings()


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n", "null\n", "\ufeffversion: 1\n"])
def test_empty_file_means_the_defaults(file: Path, text: str) -> None:
    """A file that says nothing sets nothing."""
    assert loaded(file, text) == Settings()


def test_whole_file(file: Path) -> None:
    """Every kind of value is read into its type."""
    settings = loaded(
        file,
        """
        version: 1
        lake: /lake
        timezone: Asia/Shanghai
        language: zh
        default_rules: off
        source: {page_size: 2000, timeout: 1m30s, ttl: 3h, namespaces: [shop, "pay"]}
        digest: {at: 10:30, weekdays: [mon, fri], baseline: 14d}
        groups:
        - name: shop
          labels: {team: shop}
          rules:
          - alert: Probes
            match: {reason: Unhealthy, namespace: ["=~shop.*", "!shop-test"]}
            by: [cluster]
            threshold: ">= 500"
        rule_overrides:
          NodeNotReady: {enabled: false, until: 2026-12-01, comment: capacity}
        receivers:
        - name: chat
          webhook_configs:
          - url_file: /secrets/hook
            payload: {text: "{{ status }}", n: 1, on: [true, null, 1.5]}
        """.replace("on: [", '"on": ['),
    )
    assert settings.source.timeout == Duration(seconds=90)
    assert settings.source.namespaces == ["shop", "pay"]
    assert settings.default_rules is False
    assert settings.digest.at == "10:30"
    assert settings.groups[0].rules[0].match
    assert settings.groups[0].rules[0].match.namespace == ["=~shop.*", "!shop-test"]
    assert settings.receivers[0].webhook_configs[0].payload == {
        "text": "{{ status }}",
        "n": 1,
        "on": [True, None, 1.5],
    }


@pytest.mark.parametrize(
    ("written", "until"),
    [
        ("2026-12-01", datetime(2026, 11, 30, 16, tzinfo=UTC)),
        ('"2026-12-01"', datetime(2026, 11, 30, 16, tzinfo=UTC)),
        ("2026-12-01 08:00:00", datetime(2026, 12, 1, tzinfo=UTC)),
        ("2026-12-01T08:00:00Z", datetime(2026, 12, 1, 8, tzinfo=UTC)),
        ("2026-12-01T08:00:00+01:00", datetime(2026, 12, 1, 7, tzinfo=UTC)),
        ("null", None),
    ],
)
def test_times(file: Path, written: str, until: datetime | None) -> None:
    """A date is its midnight; what names no offset is meant in the configured timezone."""
    text = f"rule_overrides: {{NodeNotReady: {{until: {written}}}}}\ntimezone: Asia/Shanghai\n"
    assert loaded(file, text).rule_overrides["NodeNotReady"].until == until


def test_merge_keys_and_anchors(file: Path) -> None:
    """YAML's own ways of saying a thing once work, and a key that is given wins."""
    settings = loaded(
        file,
        """
        rule_overrides:
          A: &base {enabled: false, comment: same}
          B: {<<: *base, comment: other}
          C: {<<: [{severity: info}, *base]}
        """,
    )
    first, second, third = settings.rule_overrides.values()
    assert (first.enabled, first.comment) == (False, "same")
    assert (second.enabled, second.comment) == (False, "other")
    assert (third.enabled, third.severity) == (False, "info")


def test_environment(file: Path) -> None:
    """``${NAME}`` is replaced where a text stands, also for numbers; ``$$`` is a dollar."""
    settings = loaded(
        file,
        """
        cluster: prod-${TEAM}
        source: {page_size: "${PAGE}", kubeconfig: /c/$$HOME/$x}
        receivers:
        - name: chat
          webhook_configs:
          - {url: "${HOOK}", headers: {X-Team: "${TEAM}"}, payload: {a: ["$${TEAM} ${TEAM}"]}}
        """,
    )
    assert settings.cluster == "prod-shop"
    assert settings.source.page_size == 1000
    assert settings.source.kubeconfig == "/c/$HOME/$x"
    (webhook,) = settings.receivers[0].webhook_configs
    assert webhook.url == ENVIRON["HOOK"]
    # Headers and payload wait in the outbox, where a secret must not lie: they keep the names.
    assert webhook.headers == {"X-Team": "${TEAM}"}
    assert webhook.payload == {"a": ["$${TEAM} ${TEAM}"]}


def test_parameters_of_sql_are_no_variables(file: Path) -> None:
    """``$start`` in a statement stays as it is."""
    text = "groups: [{name: g, rules: [{alert: A, expr: 'select $start as value'}]}]"
    assert loaded(file, text).groups[0].rules[0].expr == "select $start as value"


def test_what_a_cluster_leaves_out_is_as_the_source_says(file: Path) -> None:
    """Each cluster's settings are the common ones with its own above; a kubeconfig of its own has its own context."""
    settings = loaded(
        file,
        """
        source: {kubeconfig: /all, context: first, ttl: 3h, namespaces: [shop]}
        clusters:
        - {name: a}
        - {name: b, context: second, namespaces: []}
        - {name: c, kubeconfig: /c, ttl: 1h, timeout: 5s}
        """,
    )
    found = [settings.source_of(name) for name in settings.cluster_names]
    assert [(one.kubeconfig, one.context, one.namespaces) for one in found] == [
        ("/all", "first", ["shop"]),
        ("/all", "second", []),
        ("/c", "", ["shop"]),
    ]
    assert [str(one.ttl) for one in found] == ["3h", "3h", "1h"]
    assert str(found[2].timeout) == "5s"
    assert (str(settings.ttl()), str(settings.ttl("c")), settings.source_of("other")) == (
        "3h",
        "1h",
        settings.source,
    )


def test_whatever_a_cluster_says_is_a_setting_of_the_source() -> None:
    """No key of a cluster is unknown to ``source``, whose section it stands over."""
    own = set(Cluster.__struct_fields__) - {"name"}
    assert own <= set(Source.__struct_fields__)


MISTAKES = {
    "clusters": (
        "cluster: x\nparallel: 0\nclusters:\n- {name: a, ttl: 0s}\n- {name: a, context: b}\n- {name: .., context: c}\n- {name: d, context: b}",
        [
            "parallel: 0 is too small; at least 1 cluster is read at once",
            "cluster: names one cluster, and clusters names several; keep one of the two",
            "clusters[1].name: 'a' is the name of another cluster already (clusters[0].name)",
            "clusters[0].ttl: 0s is too short; give at least 1s",
            "clusters[2].name: '..' cannot be a cluster's name; choose a printable name that is not . or ..",
            "clusters[3]: 'd' is the same cluster as 'a' (clusters[1]): give it a kubeconfig or a context of its own",
        ],
    ),
    "unknown key": (
        "clustr: x\nsource: {page_sise: 4}",
        [
            "clustr: is not a known key; did you mean cluster?",
            "source.page_sise: is not a known key; did you mean page_size?",
        ],
    ),
    "unknown key, nothing near": (
        "receivers: [{name: x, console_configs: [{xyz: 1}]}]",
        ["receivers[0].console_configs[0].xyz: is not a known key; accepted are width"],
    ),
    "wrong types": (
        "source: {page_size: many, retries: true, timeout: 5}\ndefault_rules: 1\ngroups: {}",
        [
            "source.page_size: 'many' is not a whole number",
            "source.retries: 'true' is not a whole number",
            "source.timeout: '5' is not a duration; write it like 90s, 10m, 1h30m or 7d",
            "default_rules: '1' is not true or false",
            "groups: a mapping is not a list",
        ],
    ),
    "no is no text": (
        "cluster: no\nlake: 12\nsource: {context: 2026-01-01, namespaces: [on, ~, 1.5]}",
        [
            'cluster: no is a truth value for YAML; write it in quotes: "no"',
            'lake: 12 is a number for YAML; write it in quotes: "12"',
            'source.context: 2026-01-01 is a date for YAML; write it in quotes: "2026-01-01"',
            'source.namespaces[0]: on is a truth value for YAML; write it in quotes: "on"',
            "source.namespaces[1]: the value is empty; give a text or leave the key out",
            'source.namespaces[2]: 1.5 is a number for YAML; write it in quotes: "1.5"',
        ],
    ),
    "empty values": (
        "groups:\ntimezone:\nsource:",
        [
            "groups: the value, which is empty, is not a list",
            "timezone: the value is empty; give a text or leave the key out",
            (
                "source: the value, which is empty, is not a mapping; it takes kubeconfig, context,"
                " namespaces, page_size, timeout, retries, deadline, interval, ttl, watch"
            ),
        ],
    ),
    "choices": (
        "language: fr\nversion: 2\ndigest: {weekdays: [monday]}",
        [
            "language: 'fr' is not one of en, zh",
            "version: '2' is not 1",
            "digest.weekdays[0]: 'monday' is not one of mon, tue, wed, thu, fri, sat, sun",
        ],
    ),
    "times": (
        "rule_overrides: {A: {until: soon}, B: {until: 2026-13-01}, C: {until: 5}}",
        [
            "rule_overrides.A.until: 'soon' is not a time; write it like 2026-11-23T08:00:00Z or 2026-11-23",
            "rule_overrides.B.until: 2026-13-01 looks like a date but is none",
            "rule_overrides.C.until: '5' is not a time; write it like 2026-11-23T08:00:00Z or 2026-11-23",
        ],
    ),
    "sense": (
        (
            "timezone: Mars/Base\ndigest: {at: '9 am', baseline: 3h, min_baseline_days: 0}\n"
            "source: {page_size: 0, retries: -1, interval: 0s}\nreport: {since: 0s}"
        ),
        [
            "timezone: 'Mars/Base' is not an IANA timezone; write it like Asia/Shanghai or UTC",
            "digest.at: '9 am' is not a time of day; write it like 09:00",
            "source.page_size: 0 is too small; ask for at least 1 event a page",
            "source.retries: -1 is negative; 0 means that nothing is asked for twice",
            "source.interval: 0s is too short; give at least 1s",
            "digest.baseline: 3h is too short; days are compared, so give at least 1d",
            "digest.min_baseline_days: 0 is too small; give at least 1",
            "report.since: is not a span of time; give more than 0s",
        ],
    ),
    "times of day": (
        "digest: {at: '24:00'}",
        ["digest.at: '24:00' is not a time of day; write it like 09:00"],
    ),
    "history that can never be": (
        "digest: {baseline: 2d}",
        ["digest.min_baseline_days: 3 days can never be known of a baseline of 2d"],
    ),
    "how long nobody may know": (
        "digest: {expire_after: 1h}",
        ["digest.expire_after: 1h is too short; one failed day is no end, so give at least 1d"],
    ),
    "link": (
        "digest: {external_url: reports.example}",
        ["digest.external_url: is not an address; write it like https://reports.example/k8s"],
    ),
    "names given twice": (
        "groups: [{name: g}, {name: g}]\nreceivers: [{name: r, console_configs: [{}]}, {name: r, console_configs: [{}]}]",
        [
            "groups[1].name: 'g' is the name of another group already (groups[0].name)",
            "receivers[1].name: 'r' is the name of another receiver already (receivers[0].name)",
        ],
    ),
    "receivers": (
        (
            "receivers:\n- name: none\n- name: ''\n  console_configs: [{width: 3}]\n"
            "- name: web\n  webhook_configs: [{}, {url: 'https://x', url_file: /x}, {url: 'ftp://x'}, {url: 'http://x'},"
            " {url: 'http://x', allow_http: true, max_bytes: 10}]\n  wecom_configs: [{url: 'https://[x', timeout: 0s}]"
        ),
        [
            "receivers[0]: has no target; docs/receivers.md names the kinds, such as webhook_configs",
            "receivers[1].name: is empty; give the receiver a name",
            "receivers[1].console_configs[0].width: 3 is too narrow; give at least 20",
            "receivers[2].webhook_configs[0]: has no address; give url_file, or url",
            "receivers[2].webhook_configs[1]: has url and url_file; give one of them",
            "receivers[2].webhook_configs[2].url: is not an address; it begins with https://",
            "receivers[2].webhook_configs[3].url: is plain http; use https, or say allow_http: true",
            "receivers[2].webhook_configs[4].max_bytes: 10 is too small; give at least 1000",
            "receivers[2].wecom_configs[0].url: is not an address; it begins with https://",
            "receivers[2].wecom_configs[0].timeout: 0s is too short; give at least 1s",
        ],
    ),
    "chats": (
        (
            "receivers:\n- name: chats\n"
            "  telegram_configs: [{chat_id: '5', bot_token_file: /x, max_parts: 4}, {chat_id: '5'}]\n"
            "  slack_configs: [{url_file: /x, mentions: [here, '<!channel>', U024BE7LH]}]\n"
            "  discord_configs: [{url_file: /x, mentions: ['&41771983423143937', everyone]}]\n"
            "  feishu_configs: [{url_file: /x, secret: '${TEAM}', secret_file: /y, mentions: ['all></at>']}]\n"
            "  dingtalk_configs: [{url_file: /x, mentioned_mobiles: ['138 0013']}]\n"
            "  mattermost_configs: [{url_file: /x, mentions: ['@li']}]\n"
            "  teams_configs: [{url_file: /x, mentions: {'<b>': 'li@x.example'}}]\n"
            "  email_configs: [{host: h, sender: nobody, port: 0, username: li, tls: none, to: ['a b']}]\n"
            "  file_configs: [{folder: /x, keep: -1}]\n"
            "  webhook_configs: [{url_file: /x, format: cloudevents, payload: {}}]"
        ),
        [
            "receivers[0].webhook_configs[0].format: is of no use beside payload, which is the body",
            "receivers[0].dingtalk_configs[0].mentioned_mobiles[0]: '138 0013' is no telephone number, and not @all",
            "receivers[0].feishu_configs[0]: has secret and secret_file; give one of them",
            "receivers[0].feishu_configs[0].mentions[0]: 'all></at>' is no id of the vendor's",
            "receivers[0].slack_configs[0].mentions[1]: '<!channel>' is no id of the vendor's",
            "receivers[0].teams_configs[0].mentions.<b>: is no name to show",
            "receivers[0].discord_configs[0].mentions[1]: 'everyone' is no id of the vendor's",
            "receivers[0].telegram_configs[0].max_parts: 4 is not 1 to 3",
            "receivers[0].telegram_configs[1]: has no token; give bot_token_file, or bot_token",
            "receivers[0].mattermost_configs[0].mentions[0]: '@li' is no id of the vendor's",
            "receivers[0].email_configs[0].to[0]: 'a b' is no mail address",
            "receivers[0].email_configs[0].sender: 'nobody' has no mail address",
            "receivers[0].email_configs[0].port: 0 is no port",
            "receivers[0].email_configs[0].username: is of no use alone; give password_file too",
            "receivers[0].email_configs[0].tls: would send the password in the clear; use starttls or tls",
            "receivers[0].file_configs[0].keep: -1 is negative; 0 keeps all",
        ],
    ),
    "who watches": (
        (
            "metrics: {textfile: /x/e.txt, max_series: 5, listen: '9464', pushgateway: {url: 'http://push:9091', job: ''}}\n"
            "heartbeat: {url: 'ftp://x/s3cret', url_file: /x, tolerate: [0, 5], timeout: 0s}"
        ),
        [
            "metrics.textfile: does not end in .prom, so node_exporter would not read it",
            "metrics.max_series: 5 is too few; give at least 10",
            "metrics.listen: '9464' is no address to listen at; write it like :9464",
            "metrics.pushgateway.job: is empty, and a Pushgateway takes nothing without a job",
            "heartbeat.tolerate: 0 is no exit code of a failure",
            "metrics.pushgateway.url: is plain http; use https, or say allow_http: true",
            "heartbeat: has url and url_file; give one of them",
            "heartbeat.url: is not an address; it begins with https://",
            "heartbeat.timeout: 0s is too short; give at least 1s",
        ],
    ),
    "secrets of who watches": (
        (
            "heartbeat: {url: 'https://hc.example/s3cret'}\n"
            "metrics: {pushgateway: {url: 'https://li:pw@push.example/'}}"
        ),
        [
            "heartbeat.url: holds a secret; name a file with url_file, or write ${NAME}",
            "metrics.pushgateway.url: holds a secret; name a file with url_file, or write ${NAME}",
        ],
    ),
    "secrets in the file": (
        (
            "receivers:\n- name: a\n  wecom_configs: [{url: 'https://chat.example/s3cret'}]\n"
            "  webhook_configs: [{url: 'https://chat.example/hook'}, {url: 'https://chat.example/T0123/B4567/zyx'},"
            " {url: 'https://chat.example/?key=1'}, {url: 'https://li:pw@chat.example/'}, {url: '${HOOK}'}]\n"
            "  telegram_configs: [{chat_id: '5', bot_token: '123:abc'}]"
        ),
        [
            "receivers[0].webhook_configs[2].url: holds a secret; name a file with url_file, or write ${NAME}",
            "receivers[0].webhook_configs[3].url: holds a secret; name a file with url_file, or write ${NAME}",
            "receivers[0].wecom_configs[0].url: holds a secret; name a file with url_file, or write ${NAME}",
            "receivers[0].telegram_configs[0].bot_token: holds a secret; name a file with bot_token_file, or write ${NAME}",
        ],
    ),
    "required": (
        "groups: [{rules: [{match: {}}]}, 5]",
        [
            "groups[0].rules[0].alert: is missing",
            "groups[0].name: is missing",
            "groups[1]: '5' is not a mapping; it takes name, labels, rules",
        ],
    ),
    "duplicate keys": (
        "lake: a\nlake: b\nsource: {ttl: 1h, ttl: 2h}",
        [
            "lake: is given twice, in lines 1 and 2",
            "source.ttl: is given twice, in lines 3 and 3",
        ],
    ),
    "keys that are no text": (
        "rule_overrides: {yes: {}, 5: {}}",
        [
            "rule_overrides: line 1: a key must be a text; write it in quotes",
            "rule_overrides: line 1: a key must be a text; write it in quotes",
        ],
    ),
    "tags": (
        "lake: !kube-system\ncluster: !other x\nsource: {context: !!python/name:os.system }",
        [
            'lake: !kube-system is a YAML tag; a text that begins with ! is written in quotes: "!kube-system"',
            'cluster: !other x is a YAML tag; a text that begins with ! is written in quotes: "!other x"',
            "source.context: !!python/name:os.system is a YAML tag that no setting takes",
        ],
    ),
    "a list where a text belongs": (
        "lake: [a]\ncluster: {a: b}",
        ["lake: a list is not a text", "cluster: a mapping is not a text"],
    ),
    "a mapping where a matcher belongs": (
        "groups: [{name: g, rules: [{alert: A, match: {reason: {a: b}}}]}]",
        ["groups[0].rules[0].match.reason: a mapping is not a text"],
    ),
    "environment": (
        (
            "lake: ${NOWHERE}\ncluster: ${1x}\nsource: {kubeconfig: '${HOOK', page_size: '${TEAM}'}\nreceivers:\n"
            "- {name: x, webhook_configs: [{url: '${HOOK}', payload: {a: ['${GONE}']}}]}"
        ),
        [
            "lake: the environment has no variable NOWHERE",
            "cluster: ${ is not followed by NAME}; write $${ where the text itself is meant",
            "source.kubeconfig: ${ is not followed by NAME}; write $${ where the text itself is meant",
            "source.page_size: '${TEAM}' is not a whole number",
            "receivers[0].webhook_configs[0].payload.a[0]: the environment has no variable GONE",
        ],
    ),
    "rule files": (
        "rule_files: [rules/none.yaml]",
        ["rule_files[0]: there is no file rules/none.yaml"],
    ),
    "the top": (
        "- a\n- b\n",
        ["a list is not a mapping; it takes " + ", ".join(Settings.__struct_fields__)],
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(file: Path, name: str) -> None:
    """All mistakes are named at once: path to the key, what is wrong, what is accepted."""
    text, expected = MISTAKES[name]
    assert mistakes(file, text) == expected


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("a: [1\nb: 2", "line 2 is not YAML: did not find expected ',' or ']'"),
        ("lake: x\n threshold: > 5\n", "line 2 is not YAML: "),
        ("a: b\nthreshold: >= 500\n", "line 2 is not YAML: "),
        ("a: b: c", "line 1 is not YAML: mapping values are not allowed"),
        ("a: *nothing", "line 1 is not YAML: found undefined alias"),
        ("a: &x [*x]", "line 1: the anchor contains an alias of itself"),
        ("a: &x {<<: *x}", "line 1: the anchor contains an alias of itself"),
        ("a: 1\n---\nb: 2", "line 2 is not YAML: "),
        ("a: \x07", "is not YAML text: "),
    ],
)
def test_not_yaml(file: Path, text: str, start: str) -> None:
    """What is not YAML is one mistake with its line."""
    (line,) = mistakes(file, text)
    assert line.startswith(start)


@pytest.mark.parametrize("value", ["> 5", ">= 500", "@all", "%d", "`x`"])
def test_forgotten_quotes_are_guessed(file: Path, value: str) -> None:
    """A threshold without quotes is the usual reason, and the message says so."""
    (line,) = mistakes(file, f"threshold: {value}\nb: 1\n")
    assert line.endswith(f"; if this is meant as text, quote it: '{value}'")


def test_unreadable_files(tmp_path: Path) -> None:
    """A file that is not there, a folder, and bytes that are no text are named."""
    for make, expected in (
        (lambda _: None, "there is no such file"),
        (lambda path: path.mkdir(), "cannot be read: Is a directory"),
        (lambda path: path.write_bytes(b"lake: \xff"), "is not UTF-8 text (byte 6)"),
    ):
        path = tmp_path / expected[:5].replace(" ", "")
        make(path)
        with pytest.raises(ConfigError) as caught:
            read.load(path, environ={})
        assert caught.value.mistakes == (f"{path}: {expected}",)
        assert caught.value.exit_code == 2


def test_secrets_are_not_quoted(file: Path) -> None:
    """What came from the environment never stands in a message."""
    file.write_text(
        "source: {page_size: '${HOOK}', ttl: '${HOOK}'}\nlanguage: '${HOOK}'\ntimezone: '${ZONE}'"
    )
    with pytest.raises(ConfigError) as caught:
        read.load(file, environ=ENVIRON)
    assert len(caught.value.mistakes) == 3
    assert "s3cret" not in str(caught.value)


def test_secrets_may_stand_in_the_file_if_that_is_said(file: Path) -> None:
    """A lake on a laptop needs no Secret: then it is advice, and names the key only."""
    file.write_text(
        """
        allow_inline_secrets: true
        receivers:
        - name: a
          webhook_configs: [{url: "https://chat.example/?s3cret"}, {url: "${HOOK}"}, {url_file: /x}]
          wecom_configs: [{url: "https://chat.example/s3cret"}]
        """
    )
    result = read.read(file, environ=ENVIRON)
    assert result.mistakes == ()
    assert result.warnings == (
        f"{file}: receivers[0].webhook_configs[0].url: holds a secret that others may read here",
        f"{file}: receivers[0].wecom_configs[0].url: holds a secret that others may read here",
    )


def test_rule_files(file: Path) -> None:
    """Groups of rule files come after the file's own, each file once, with its origin."""
    folder = file.parent / "rules"
    folder.mkdir()
    (folder / "b.yaml").write_text("groups: [{name: b, rules: [{alert: B, expr: '${TEAM}'}]}]")
    (folder / "a.yaml").write_text("groups: [{name: a}, {name: a2}]")
    (folder / "note.txt").write_text("no rules")
    file.write_text(
        "groups: [{name: own}]\nrule_files: ['rules/*.yaml', rules/a.yaml, 'more/*.yaml']\n"
    )
    result = read.read(file, environ=ENVIRON)
    assert [group.name for group in result.settings.groups] == ["own", "a", "a2", "b"]
    assert result.settings.groups[3].rules[0].expr == "shop"
    assert result.origins == (
        (str(file), "groups[0]"),
        (str(folder / "a.yaml"), "groups[0]"),
        (str(folder / "a.yaml"), "groups[1]"),
        (str(folder / "b.yaml"), "groups[0]"),
    )
    assert result.warnings == (f"{file}: rule_files[2]: no file matches more/*.yaml",)


def test_mistakes_of_rule_files_name_the_file(file: Path) -> None:
    """A mistake in a rule file is told with that file, beside those of the main one."""
    rules = file.parent / "r.yaml"
    rules.write_text("groups: [{nam: b}]\nreceivers: []\n")
    file.write_text(f"lak: x\nrule_files: ['{rules}']\n")
    assert [str(mistake) for mistake in read.read(file, environ={}).mistakes] == [
        f"{file}: lak: is not a known key; did you mean lake?",
        f"{rules}: groups[0].nam: is not a known key; did you mean name?",
        f"{rules}: groups[0].name: is missing",
        f"{rules}: receivers: is not a known key; accepted are groups",
    ]


def test_a_mistake_is_told_once(file: Path) -> None:
    """What follows from a mistake is not another one: the misspelt address is not also missing."""
    assert mistakes(file, "receivers: [{name: x, webhook_configs: [{url_fil: /x}]}]") == [
        "receivers[0].webhook_configs[0].url_fil: is not a known key; did you mean url_file?"
    ]

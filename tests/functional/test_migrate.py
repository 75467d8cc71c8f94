"""``eventlake migrate``: what teams bring along becomes a configuration that loads, and no secret of it is shown."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from etl import schema
from etl.config import read
from etl.forward.layout import Layout
from etl.forward.routes import Routes
from etl.migrate import eventer, exporter_receivers
from etl.migrate.proof import sample
from tests.lib.commandline import Done, eventlake
from tests.lib.goldens import EVENTS as SENT
from tests.lib.goldens import PEERS, golden, stored
from tests.lib.loopback import Answer, LoopbackServer, Request
from tests.lib.tables import drawn

# What stands in the input and must not come out again.
SECRETS = (
    "00000000-0000",
    "t0ken",
    "SEC000",
    "s3cret",
    "c0rp",
    ":pw@",
    "hooks.example/x",
    "example/critical",
    "'123'",
)
SINKS = """
sink          | argument                                                                       | default   | per event
webhook       | webhook:https://hooks.example/s3cret?level=Normal&method=POST                  | http      | http
webhook-robot | webhook:https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=s3cret&level=Warning | wecom  | http
webhook-slack | webhook:https://hooks.slack.com/services/T0/B0/s3cret?level=Warning            | slack     | http
dingtalk      | dingtalk:https://oapi.dingtalk.com/robot/send?access_token=s3cret&label=prod    | dingtalk  | http
dingtalk-md   | dingtalk:https://oapi.dingtalk.com/robot/send?access_token=s3cret&msg_type=markdown | dingtalk | http
dingtalk-sign | dingtalk:https://oapi.dingtalk.com/robot/send?access_token=s3cret&sign=s3cret   | dingtalk  | refused
wechat        | wechat:?corp_id=c&corp_secret=s3cret&agent_id=1&to_user=@all                    | wecom     | http
feishu        | feishu:https://open.feishu.cn/open-apis/bot/v2/hook/s3cret                      | feishu    | refused
kafka         | kafka:?brokers=b:9092&eventstopic=t&user=u&password=s3cret&compression=gzip     | kafka     | kafka
elasticsearch | elasticsearch:http://es:9200?index=i&esUserName=u&esUserSecret=s3cret           | elasticsearch | elasticsearch
log           | log                                                                            | stdout    | stdout
mysql         | mysql:?root:s3cret@tcp(192.0.2.1:3306)/kube_event                               | refused   | refused
sls           | sls:https://cn-hangzhou.log.aliyuncs.com?project=p                             | refused   | refused
influxdb      | influxdb:http://i:8086?pw=s3cret                                               | refused   | refused
riemann       | riemann:http://r:5555                                                          | refused   | refused
honeycomb     | honeycomb:?writekey=s3cret                                                     | refused   | refused
eventbridge   | eventbridge:?regionId=r&accessKeySecret=s3cret                                 | refused   | refused
mongo         | mongo:?mongodb://u:s3cret@m                                                    | refused   | refused
rabbitmq      | rabbitmq:?host=s3cret                                                          | refused   | refused
pulsar        | pulsar:?serviceurl=p&token=s3cret                                              | refused   | refused
cms           | cms:?accessKeySecret=s3cret                                                    | refused   | refused
gcm           | gcm:?metrics=all                                                               | refused   | refused
"""
RECEIVERS = """
kind          | settings                                                                        | default   | per event
kafka         | {topic: t, brokers: ["b:9092"], sasl: {enable: true, username: u, password: s3cret}} | kafka | kafka
elasticsearch | {hosts: ["https://es:9200"], index: i, apiKey: s3cret}                          | elasticsearch | elasticsearch
opensearch    | {hosts: ["https://es:9200"], indexFormat: "i-{2006.01.02}", username: u, password: s3cret} | opensearch | opensearch
webhook       | {endpoint: "https://hooks.example/s3cret", headers: {X-Api-Key: s3cret}}        | http      | http
file          | {path: /tmp/dump, layout: {m: "{{ .Message }}"}}                                | file      | file
pipe          | {path: /dev/fd/3}                                                               | file      | file
stdout        | {layout: {m: "{{ .Message }}"}}                                                 | stdout    | stdout
slack         | {token: s3cret, channel: "#c", message: "{{ .Message }}", fields: {r: "{{ .Reason }}"}} | slack | http
teams         | {endpoint: "https://x.webhook.office.com/s3cret"}                               | teams     | refused
syslog        | {network: tcp, address: "a:1"}                                                  | refused   | refused
kinesis       | {streamName: s, region: r}                                                      | refused   | refused
firehose      | {deliveryStreamName: s, region: r}                                              | refused   | refused
sqs           | {queueName: q, region: r}                                                       | refused   | refused
sns           | {topicARN: t, region: r}                                                        | refused   | refused
pubsub        | {gcloud_project_id: p, topic: t}                                                | refused   | refused
bigquery      | {project: p}                                                                    | refused   | refused
eventbridge   | {detailType: d}                                                                 | refused   | refused
opscenter     | {title: t}                                                                      | refused   | refused
opsgenie      | {apiKey: s3cret, message: m}                                                    | refused   | refused
loki          | {url: "http://loki:3100", streamLabels: {a: b}}                                 | refused   | refused
prometheus    | {eventsMetricsNamePrefix: p}                                                    | refused   | refused
inMemory      | {ref: null}                                                                     | refused   | refused
"""


def migrated(*arguments: object) -> tuple[Done, Any]:
    """Migrate, and return what was said with the configuration that was written."""
    done = eventlake("migrate", *arguments)
    assert done.code == 0, done.err
    for secret in (*SECRETS, "s3cret"):
        assert secret not in done.out + done.err
    return done, yaml.safe_load(done.out)


def loaded(text: str, folder: Path) -> Any:
    """Load a configuration as any command does, and let the rules be checked."""
    path = folder / "eventlake.yaml"
    path.write_text(text, "utf-8")
    environ = dict.fromkeys(re.findall(r"\$\{(\w+)\}", text), "https://stands.in.example")
    checked = eventlake("--config", path, "rules", "check", environ=environ)
    assert checked.code == 0, checked.err
    return read.load(path, environ=environ)


def kind_of(written: Any) -> str:
    """Return the one kind of target or receiver in a configuration."""
    for target in written.get("forward", {}).get("targets", []):
        (kind,) = set(target) - {"name", "layout"}
        return str(kind)
    (receiver,) = written["receivers"]
    (kind,) = set(receiver) - {"name"}
    return str(kind).removesuffix("_configs")


@pytest.mark.parametrize("row", drawn(SINKS), ids=lambda row: row["sink"])
@pytest.mark.parametrize("way", ["default", "per event"])
def test_each_sink_of_kube_eventer(row: dict[str, str], way: str) -> None:
    """A sink becomes what the table says, or is refused by its name with what to do instead; its secret is not shown."""
    options = ["--per-event"] if way == "per event" else []
    if row[way] == "refused":
        done = eventlake("migrate", "--sink", row["argument"], *options)
        assert done.code == 2
        name = row["argument"].partition(":")[0]
        assert f"sink 1 ({name}): " in done.sentence
        assert "s3cret" not in done.err
        return
    _, written = migrated("--sink", row["argument"], *options)
    # That it loads is seen to by the command itself.
    assert kind_of(written) == row[way]


@pytest.mark.parametrize("row", drawn(RECEIVERS), ids=lambda row: row["kind"])
@pytest.mark.parametrize("way", ["default", "per event"])
def test_each_receiver_of_the_exporter(row: dict[str, str], way: str, tmp_path: Path) -> None:
    """A receiver becomes what the table says, or is refused by its name with what to do instead."""
    config = tmp_path / "config.yaml"
    config.write_text(
        "route: {routes: [{match: [{receiver: it}]}]}\n"
        f"receivers: [{{name: it, {row['kind']}: {row['settings']}}}]\n",
        "utf-8",
    )
    options = ["--per-event"] if way == "per event" else []
    if row[way] == "refused":
        done = eventlake("migrate", config, *options)
        assert done.code == 2
        assert f"receiver it ({row['kind']}): " in done.sentence
        assert "s3cret" not in done.err
        return
    _, written = migrated(config, *options)
    # That it loads is seen to by the command itself.
    assert kind_of(written) == row[way]


def test_the_tables_have_all_that_is_known() -> None:
    """No kind of sink or receiver is translated or refused that the tables above do not show."""
    sinks = {row["argument"].partition(":")[0] for row in drawn(SINKS)}  # type: ignore[union-attr]
    assert sinks == eventer.KINDS | eventer.REFUSED
    kinds = {row["kind"] for row in drawn(RECEIVERS)}
    assert kinds == exporter_receivers.KINDS | exporter_receivers.REFUSED


def test_the_articles_robot_gets_one_digest(tmp_path: Path) -> None:
    """kube-eventer's webhook to a WeCom robot becomes a receiver, and a rule that finds its warnings."""
    done, written = migrated(PEERS / "kube-eventer.yaml")
    settings = loaded(done.out, tmp_path)
    assert settings.timezone == "Asia/Shanghai"
    assert written["receivers"] == [
        {"name": "wecom", "wecom_configs": [{"url_file": "/secrets/wecom-url"}]}
    ]
    assert written["groups"][0]["rules"][0]["match"] == {"type": "Warning"}
    assert "/secrets/wecom-url" in done.err


def test_the_articles_body_event_for_event(tmp_path: Path) -> None:
    """With --per-event the robot gets the ConfigMap's body, valid whatever the message holds."""
    done, written = migrated(PEERS / "kube-eventer.yaml", "--per-event")
    settings = loaded(done.out, tmp_path)
    (target,) = settings.forward.targets
    assert (target.http.method, target.http.headers) == (
        "POST",
        {"Content-Type": "application/json"},
    )
    assert written["forward"]["route"] == {"match": [{"receiver": "webhook", "type": "^Warning$"}]}
    sent = json.loads(Layout(target).message(sample()).body)
    assert sent["msgtype"] == "text"
    assert sent["text"]["content"].startswith("集群事件告警\n事件级别: Warning\n名称空间: shop\n")
    assert "发生时间: 2026-11-23 16:00:00 +0800 CST\n" in sent["text"]["content"]


def test_every_sink_argument_of_the_documents(tmp_path: Path) -> None:
    """Filters are those of the arguments; what has no counterpart is named, in the file and on stderr."""
    done, written = migrated(PEERS / "kube-eventer-sinks.txt")
    settings = loaded(done.out, tmp_path)
    assert [target.name for target in settings.forward.targets] == [
        "webhook",
        "kafka",
        "elasticsearch",
    ]
    assert written["forward"]["route"]["routes"][0]["match"] == [
        {
            "receiver": "webhook",
            "type": "^(Normal|Warning)$",
            "namespace": "^(shop|pay)$",
            "kind": "^(Pod|Node)$",
            "reason": "SystemOOM|Failed.*",
        }
    ]
    assert [receiver.name for receiver in settings.receivers] == [
        "dingtalk",
        "dingtalk-2",
        "wechat",
    ]
    for refused in ("sink 7 (mysql)", "sink 8 (sls)"):
        assert refused in done.err
        assert f"# - {refused}" in done.out


def test_the_exporters_tree_and_documents(tmp_path: Path) -> None:
    """Targets, tree and labels are taken over; an expression that never matched there is told and left out."""
    done, written = migrated(PEERS / "event-exporter.yaml")
    settings = loaded(done.out, tmp_path)
    assert [target.name for target in settings.forward.targets] == ["kafka", "critical", "dump"]
    assert written["owners"] == {"enabled": True, "labels": ["version"]}
    assert written["forward"]["route"] == {
        "routes": [
            {"drop": [{"kind": "Service"}], "match": [{"receiver": "kafka"}]},
            {"drop": [{"type": "Normal"}], "match": [{"minCount": 5, "receiver": "critical"}]},
        ]
    }
    kafka, critical, dump = settings.forward.targets
    assert kafka.kafka.sasl.mechanism == "SCRAM-SHA-512"
    assert (dump.elasticsearch.index, dump.elasticsearch.id, dump.elasticsearch.dedot) == (
        "kube-events-{date:%Y-%m-%d}",
        "event",
        True,
    )
    assert json.loads(Layout(kafka).message(sample()).body) == {
        "kind": "Pod",
        "namespace": "shop",
        "name": "checkout-7d9f",
        "reason": "BackOff",
        "message": sample()["message"],
        "type": "Warning",
        "timestamp": "2026-11-23T08:00:00.000Z",
        "cluster": "pre-center",
    }
    assert json.loads(Layout(critical).message(sample()).body)["createdAt"] == "1795420800000"
    assert "route.routes[1].drop[0]" in done.err


def test_no_secret_comes_out_wherever_it_stood(tmp_path: Path) -> None:
    """Addresses with users, fields and headers by their names, bodies in ConfigMaps: each goes to a file or variable that is told."""
    config = tmp_path / "config.yaml"
    config.write_text(
        """
receivers:
- {name: a, elasticsearch: {hosts: ["https://u:s3cret@es.example:9200"], index: i}}
- {name: b, webhook: {endpoint: "https://h.example/s3cret", headers: {X-Auth-Key: s3cret, X-Env: "${ENV}", X-R: "{{ .Reason }}"},
    layout: {token: s3cret, costs: "$5 for ${ENV} $SHORT", inner: [{password: "{{ .Reason }}"}]}}}
- {name: c, kafka: {brokers: ["b:9092"], topic: t, sasl: {enable: true, username: u, password: $PW, mechanism: sha256}}}
""",
        "utf-8",
    )
    done, written = migrated(config)
    loaded(done.out, tmp_path)
    first, second, third = written["forward"]["targets"]
    assert first["elasticsearch"] == {
        "hosts": ["https://es.example:9200"],
        "index": "i",
        "username": "u",
        "password_file": "/secrets/a-password",
    }
    assert second["layout"] == {
        "token": "${B_TOKEN}",
        "costs": "$5 for ${ENV} ${SHORT}",
        "inner": [{"password": "{{ event.reason }}"}],
    }
    assert second["http"]["headers"] == {
        "X-Auth-Key": "${B_X_AUTH_KEY}",
        "X-Env": "${ENV}",
        "X-R": "{{ event.reason }}",
    }
    assert third["kafka"]["sasl"] == {
        "mechanism": "SCRAM-SHA-256",
        "username": "u",
        "password": "${PW}",
    }
    for place in (
        "/secrets/a-password",
        "/secrets/b-url",
        "${B_TOKEN}",
        "${B_X_AUTH_KEY}",
        "${PW}",
    ):
        assert f"to be put in {place}: " in done.err


def test_a_receiver_that_is_refused_takes_its_routes_along(tmp_path: Path) -> None:
    """What cannot be translated costs its receiver alone: the rest is written, and no route leads to nobody."""
    config = tmp_path / "config.yaml"
    config.write_text(
        """
route: {routes: [{match: [{receiver: bad}, {receiver: good}]}, {match: [{receiver: bad, kind: Pod}]}]}
receivers:
- {name: bad, webhook: {endpoint: "https://h.example/s3cret", layout: {x: "{{ now }}"}}}
- {name: good, stdout: {}}
""",
        "utf-8",
    )
    done, written = migrated(config)
    assert written["forward"]["route"] == {"routes": [{"match": [{"receiver": "good"}]}]}
    assert "receiver bad (webhook): receiver bad: layout.x: line 1, column 4" in done.err
    assert "/secrets/bad-url" not in done.out
    loaded(done.out, tmp_path)


def test_a_manifest_list_with_a_body_that_names_dollars(tmp_path: Path) -> None:
    """What kubectl get -o yaml gives is read too; a dollar of a body is one, and a typed field keeps its type."""
    text = (PEERS / "kube-eventer.yaml").read_text("utf-8")
    deployment, configmap = yaml.safe_load_all(text)
    configmap["data"]["content"] = '{"price": "${X} $$ {{ .Reason }}", "n": {{ .Count }}}'
    manifest = tmp_path / "list.yaml"
    manifest.write_text(yaml.safe_dump({"kind": "List", "items": [deployment, configmap]}), "utf-8")
    done, _ = migrated(manifest, "--per-event")
    (target,) = loaded(done.out, tmp_path).forward.targets
    sent = json.loads(Layout(target).message(sample()).body)
    assert sent == {"price": "${X} $$ BackOff", "n": 7}


def test_a_missing_body_is_told() -> None:
    """Without the ConfigMap's file the default body stands in, and it is said."""
    done, written = migrated(
        "--sink", "webhook:https://h.example/?custom_body_configmap=b&level=Normal"
    )
    assert "default/b is not among the files" in done.err
    assert set(written["forward"]["targets"][0]["layout"]) == {
        "EventType",
        "EventKind",
        "EventReason",
        "EventTime",
        "EventMessage",
    }


WAYS = """
sink                                                          | who gets through
webhook:https://h.example/                                    | Warning/shop/Pod/BackOff Normal/shop/Pod/Pulled Warning/pay/Job/Failed Warning/default/Node/SystemOOM
webhook:https://h.example/?level=Normal                       | Warning/shop/Pod/BackOff Normal/shop/Pod/Pulled Warning/pay/Job/Failed Warning/default/Node/SystemOOM
webhook:https://h.example/?level=Warning                      | Warning/shop/Pod/BackOff Warning/pay/Job/Failed Warning/default/Node/SystemOOM
webhook:https://h.example/?level=Info                         | Warning/shop/Pod/BackOff Warning/pay/Job/Failed Warning/default/Node/SystemOOM
webhook:https://h.example/?namespaces=shop,pa                 | Warning/shop/Pod/BackOff Normal/shop/Pod/Pulled
webhook:https://h.example/?kinds=Po,Node                      | Warning/default/Node/SystemOOM
webhook:https://h.example/?reason=OOM                         | Warning/default/Node/SystemOOM
webhook:https://h.example/?reason=^Back&reason=Fail           | Warning/shop/Pod/BackOff Warning/pay/Job/Failed
webhook:https://h.example/?reason=*x&kinds=Pod                | -
dingtalk:https://d.example/?access_token=t                    | Warning/shop/Pod/BackOff Warning/pay/Job/Failed Warning/default/Node/SystemOOM
dingtalk:https://d.example/?access_token=t&level=Info         | Warning/shop/Pod/BackOff Normal/shop/Pod/Pulled Warning/pay/Job/Failed Warning/default/Node/SystemOOM
dingtalk:https://d.example/?access_token=t&namespaces=shop&level=Normal | Warning/shop/Pod/BackOff Normal/shop/Pod/Pulled
"""
EVENTS = [
    dict(zip(("type", "namespace", "object_kind", "reason"), one.split("/"), strict=True))
    for one in (
        "Warning/shop/Pod/BackOff",
        "Normal/shop/Pod/Pulled",
        "Warning/pay/Job/Failed",
        "Warning/default/Node/SystemOOM",
    )
]


@pytest.mark.parametrize("row", drawn(WAYS), ids=lambda row: row["sink"].partition("?")[2] or "-")
def test_the_same_events_get_through_as_through_kube_eventer(
    row: dict[str, str], tmp_path: Path
) -> None:
    """Filters let through what kube-eventer's do: levels by kind of sink, whole names, expressions found anywhere."""
    done, _ = migrated("--sink", row["sink"], "--per-event")
    settings = loaded(done.out, tmp_path)
    rows = pa.Table.from_pylist([sample() | event for event in EVENTS], schema=schema.FULL_SCHEMA)
    through = Routes(settings.forward).of(settings.forward.targets[0].name, rows).to_pylist()
    told = [
        "/".join((one["type"], one["namespace"], one["object_kind"], one["reason"]))
        for one in through
    ]
    assert told == (row["who gets through"] or "").split()


def test_the_way_over_kafka_and_logstash_becomes_one_target(tmp_path: Path) -> None:
    """The monthly index gets the documents of the topic, with what Logstash adds for Kibana."""
    done, _ = migrated(
        PEERS / "event-exporter.yaml",
        PEERS / "logstash.conf",
        PEERS / "elasticsearch-template.json",
    )
    settings = loaded(done.out, tmp_path)
    target = settings.forward.targets[0]
    assert target.elasticsearch.index == "kubernetes-event-{date:%Y.%m}"
    assert "KAFKA_PASSWORD" not in done.out
    sent = json.loads(Layout(target).message(sample()).body)
    assert sent["@timestamp"] == "2026-11-23T08:00:00Z"
    assert sent["cluster"] == "pre-center"


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{{ now }}", "line 1, column 4: the function now has no counterpart: the clock"),
        ("a\n{{ env `X` }}", "line 2, column 4: the function env has no counterpart: secrets"),
        ("{{ .Bogus }}", "line 1, column 4: .Bogus of the event is not known"),
        ("{{ .OwnerReferences }}", "owners are columns of the lake"),
        ("{{ if .Name }}x", "line 1, column 4: if has no end"),
        ("{{ end }}", "end without a block"),
        ("{{ define `x` }}{{ end }}", "define (a template within the template)"),
        ("{{ .Name", "line 1, column 1: the action is not closed"),
        ("{{ /* x }}", "the comment is not closed"),
        ("{{ printf `%5d` .Count }}", "printf of %5d"),
        ("{{ printf `%d` .Name }}", "printf %d of a text"),
        ("{{ eq .Count .Name }}", "a int and a text are compared"),
        ("{{ .Source }}", "write toJson before it"),
        ("{{ $x }}", "there is no variable $x"),
        ("{{ range .Name }}{{ end }}", "range over a text"),
        ("{{ .Count | upper }}", "a text is wanted where a int is given"),
        ("{{ replace `a` }}", "replace is given 1 arguments"),
        ("{{ 1.5 }}", "fraction"),
        ("{{ lt true false }}", "truth values have no order"),
        ("{{ .Labels | default .Name }}", "value of several kinds"),
        ("{{ and .LastTimestamp .Name }}", "value of several kinds"),
        ("{{ ~ }}", "'~' means nothing here"),
        ("{{ `a` b", "the action is not closed"),
        ('{{ "\\q" }}', "an escape that Go does not know"),
        ("{{ if .Name }}{{ $x := .Name }}{{ $x = .Reason }}{{ end }}", "changed within a block"),
    ],
)
def test_what_a_leaf_cannot_say_is_refused_with_its_place(
    template: str, told: str, tmp_path: Path
) -> None:
    """A template that cannot be translated refuses its receiver, with line, column and why."""
    config = tmp_path / "config.yaml"
    receivers = [{"name": "it", "stdout": {"layout": {"x": template}}}]
    config.write_text(yaml.safe_dump({"receivers": receivers}), "utf-8")
    done = eventlake("migrate", config)
    assert done.code == 2
    assert "receiver it (stdout): receiver it: layout.x: line " in done.sentence
    assert told in done.sentence


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [", "cannot be read as YAML in line"),
        ("kind: Service\n", "holds no sinks of kube-eventer"),
        ("", "holds no sinks"),
        ("receivers: [{name: x}]", "has no sink, or several"),
        ("--sink=nothing\n", "is not KIND:ADDRESS"),
        ("receivers: [7]", "`object`, got `int` - at `$.receivers[0]`"),
        (
            "receivers: [{name: x, kafka: {hosts: 7}}]",
            "receivers[0].kafka: Expected `array | null`",
        ),
        (
            "receivers: [{name: x, kafka: {brokers: [b], topic: t}}]",
            "brokers[0]: 'b' is not host:port",
        ),
        (
            "kind: ConfigMap\ndata: {a.yaml: 'x: ['}",
            "ConfigMap None: cannot be read as YAML in line",
        ),
        ("kind: Pod\nspec: {containers: [7, {args: x, env: 3}]}", "holds no sinks"),
        (
            "--sink=carrier:pigeon\n",
            "sink 1 (carrier): kube-eventer's documents do not know it either",
        ),
    ],
)
def test_a_file_that_holds_nothing_is_named(text: str, told: str, tmp_path: Path) -> None:
    """Nothing is written for a file that cannot be read, or of which nothing is left."""
    file = tmp_path / "x.yaml"
    file.write_text(text, "utf-8")
    done = eventlake("migrate", file, "-o", tmp_path / "out.yaml")
    assert done.code == 2
    assert told in done.sentence
    assert not (tmp_path / "out.yaml").exists()


def test_it_writes_a_file_and_wants_something_to_read(tmp_path: Path) -> None:
    """-o writes the same as stdout has; without any input it is said what is wanted."""
    done = eventlake("migrate", PEERS / "kube-eventer.yaml", "-o", tmp_path / "out.yaml")
    assert done.out == ""
    assert (tmp_path / "out.yaml").read_text("utf-8") == migrated(PEERS / "kube-eventer.yaml")[
        0
    ].out
    assert "give the files of the other exporter" in eventlake("migrate").sentence


def test_the_article_from_its_manifest_to_the_robot(tmp_path: Path) -> None:
    """kube-eventer's file is migrated, the lake forwards, and the robot gets the bodies that kube-eventer would have sent."""
    heard: list[bytes] = []

    def take(request: Request) -> Answer:
        heard.append(request.body)
        return Answer(200)

    rows = {row["uid"] for row in stored(tmp_path)}
    done, _ = migrated(PEERS / "kube-eventer.yaml", "--per-event")
    config = tmp_path / "eventlake.yaml"
    url = tmp_path / "url"
    with LoopbackServer(take) as server:
        url.write_text(f"{server.url}/cgi-bin/webhook/send?key=k", "utf-8")
        text = done.out.replace("/secrets/webhook-url", str(url))
        text = text.replace("allow_http: true", "allow_http: true\n      allow_private: true")
        config.write_text(text, "utf-8")
        sent = eventlake(
            *("--config", config, "--lake", tmp_path / "lake"), "forward", "--from", "2026-11-01"
        )
    assert sent.code == 0, sent.err
    _, configmap = yaml.safe_load_all((PEERS / "kube-eventer.yaml").read_text("utf-8"))
    content = configmap["data"]["content"]
    before = golden("golden-shanghai.json.gz")["eventer"][content]
    warnings = [i for i, event in enumerate(SENT) if event["type"] == "Warning"]
    assert len(heard) == len(warnings) < len(rows)
    ours = sorted(json.dumps(json.loads(body)) for body in heard)
    valid = [json.dumps(json.loads(before[i])) for i in warnings if _is_json(before[i])]
    assert len(valid) >= 3
    assert set(valid) <= set(ours)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        # That is the answer.
        return False
    return True

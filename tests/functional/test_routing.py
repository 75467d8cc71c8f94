"""Which alerts reach whom: the tree of routes, groups, and what happens to all that has no labels."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from etl.alerts import deliver, routes, routing, rules
from etl.alerts.model import Digest, Finding
from etl.alerts.receivers import preview
from etl.config.receivers import FileConfig, PagerdutyConfig, Receiver
from etl.config.route import Route
from etl.config.settings import Digest as DigestSettings
from etl.config.settings import Settings
from etl.errors import ConfigError
from etl.timespan import Window
from tests.lib.commandline import NOW
from tests.lib.digests import GAP, MORNING, QUIET, WINDOW
from tests.lib.sending import Sender, console, sender, webhook


def finding(alert: str, severity: str = "warning", **labels: str) -> Finding:
    """Return an alert with labels."""
    return Finding(alert, severity, {"cluster": "prod", **labels}, 1, summary=f"{alert} happened")  # type: ignore[arg-type]


def route(receiver: str = "", *matchers: str, **more: Any) -> Route:
    """Return a route."""
    return Route(receiver=receiver, matchers=list(matchers), **more)


TREE = route(
    "ops",
    routes=[
        route("oncall", 'severity="critical"', continue_=True),
        route(
            "shop",
            'namespace=~"shop.*"',
            routes=[route("payments", 'team="payments"'), route("", 'team="carts"')],
        ),
    ],
)


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        ({}, ["ops"]),
        ({"severity": "warning"}, ["ops"]),
        ({"severity": "critical"}, ["oncall"]),
        ({"severity": "critical", "namespace": "shop"}, ["oncall", "shop"]),
        ({"namespace": "shop-eu"}, ["shop"]),
        ({"namespace": "shop", "team": "payments"}, ["payments"]),
        ({"namespace": "shop", "team": "carts"}, ["shop"]),
        ({"namespace": "xshop"}, ["ops"]),
    ],
)
def test_the_deepest_routes_that_match_take_an_alert(
    labels: dict[str, str], receivers: list[str]
) -> None:
    """As in Alertmanager: the first that matches, then further ones if it says so, else the route above."""
    assert routes.reached(TREE, labels) == receivers


def settings(tree: Route, *names: str) -> Settings:
    """Return a configuration with a console for each name."""
    return Settings(receivers=[console(name) for name in names], route=tree)


STORM = replace(
    MORNING,
    findings=(
        finding("NodeNotReady", "critical", node="a"),
        finding("CrashLoop", namespace="shop", team="payments"),
        finding("Probes", namespace="shop"),
    ),
    resolved=(finding("Pulls", namespace="shop"),),
)


def shared(tree: Route, digest: Digest, name: str) -> Digest:
    """Return the one share of a receiver."""
    (share,) = routing.shares(digest, settings(tree, name), name)
    return share.digest


def test_each_receiver_gets_its_share(tmp_path: Path) -> None:
    """Alerts, movers and objects go where their labels lead; switches and health to who gets the rest."""
    ops, shop = shared(TREE, STORM, "ops"), shared(TREE, STORM, "shop")
    assert [f.alert for f in ops.findings] == []
    assert [f.alert for f in shared(TREE, STORM, "oncall").findings] == ["NodeNotReady"]
    assert [f.alert for f in shared(TREE, STORM, "payments").findings] == ["CrashLoop"]
    assert [f.alert for f in shop.findings] == ["Probes"]
    assert [f.alert for f in shop.resolved] == ["Pulls"]
    assert [mover.namespace for mover in shop.movers] == ["shop"]
    assert [mover.namespace for mover in ops.movers] == ["batch"]
    assert (ops.held, ops.health) == (MORNING.held, MORNING.health)
    assert (shop.held, shop.health) == ((), ())
    assert shop.coverage == MORNING.coverage
    made = sender(tmp_path, *(console(name) for name in ("ops", "oncall", "shop", "payments")))
    made.route = TREE
    assert len(made.send(STORM).delivered) == 4
    text = made.stream.getvalue()
    assert [text.count(f"{f.alert} happened") for f in STORM.findings] == [1, 1, 1]
    assert deliver.was_delivered(made.files, made.settings, WINDOW, ("prod",))


def test_without_a_route_everybody_gets_all() -> None:
    """As it was before there were routes."""
    (share,) = routing.shares(STORM, Settings(receivers=[console()]), "log")
    assert share == routing.Share("", STORM)


def _grouped(folder: Path) -> Sender:
    made = sender(folder, console("ops"))
    made.route = route("ops", group_by=["namespace"])
    return made


def test_groups_are_messages_of_their_own(tmp_path: Path) -> None:
    """One message per value of the labels, each once, also over a rerun; then the digest is done."""
    made = _grouped(tmp_path)
    assert made.send(STORM).delivered == ("ops", "ops")
    assert made.send(STORM).delivered == ()
    text = made.stream.getvalue()
    assert text.index("NodeNotReady happened") < text.index("CrashLoop happened")
    assert deliver.was_delivered(made.files, made.settings, WINDOW, ("prod",))


def test_a_webhook_may_get_each_alert_by_itself(tmp_path: Path) -> None:
    """With ... an incident tool gets a request per alert, those that are over too; people do not."""
    files = Receiver(name="jsm", file_configs=[FileConfig(folder=str(tmp_path / "out"))])
    made = sender(tmp_path / "lake", files)
    made.route = route("jsm", mode="per_alert")
    assert made.send(STORM).delivered == ("jsm",) * 4
    assert made.send(STORM).delivered == ()
    counts = [json.loads(path.read_text())["counts"] for path in (tmp_path / "out").iterdir()]
    assert sum(sum(count.values()) for count in counts) == 3


INHERITED = route(
    "ops",
    send="on_change",
    group_by=["cluster"],
    routes=[
        route("shop", 'team="a"'),
        route("shop", 'team="b"', send="on_firing"),
        route("whole", 'team="c"', group_by=[], send="always"),
        route("jsm", 'team="d"', mode="per_alert", routes=[route("bridge", 'x="y"')]),
        route("page", 'team="e"', group_by=["..."], routes=[route("log", 'x="y"', mode="digest")]),
    ],
)


def test_a_route_takes_from_the_one_above_what_it_does_not_say() -> None:
    """Groups and wishes go down the tree, are taken back there, and of two routes the more talkative counts."""
    known = settings(INHERITED)
    names = ("ops", "shop", "whole", "jsm", "bridge", "page", "log")
    assert {name: (routes.group_by(known, name), routes.send(known, name)) for name in names} == {
        "ops": (("cluster",), "on_change"),
        "shop": (("cluster",), "on_firing"),
        "whole": ((), "always"),
        "jsm": (("...",), "on_change"),
        "bridge": (("...",), "on_change"),
        "page": (("...",), "on_change"),
        "log": ((), "on_change"),
    }
    globally = Settings(route=route("ops"), digest=DigestSettings(send="on_firing"))
    assert routes.send(globally, "ops") == "on_firing"
    assert routes.send(Settings(digest=DigestSettings(send="on_firing")), "log") == "on_firing"


def test_each_receiver_says_which_digests_it_wants(tmp_path: Path) -> None:
    """A quiet day is told to who asked for it, what goes on to two of three, news and gaps to all."""
    names = ("always", "firing", "change")
    made = sender(tmp_path, *(console(name) for name in names))
    children = [
        route("firing", send="on_firing", continue_=True),
        route("change", send="on_change", continue_=True),
        route("always", send="always"),
    ]
    made.route = route("always", routes=children)
    days = [
        QUIET,
        replace(QUIET, still=(finding("X"),)),
        replace(QUIET, findings=(finding("X"),)),
        GAP,
    ]
    told = []
    for number, digest in enumerate(days):
        shift = timedelta(days=number)
        day = replace(digest, window=Window(WINDOW.start + shift, WINDOW.end + shift))
        told.append(set(made.send(day).delivered))
        # Who did not want it has been served: nothing is due again.
        assert deliver.was_delivered(made.files, made.settings, day.window, ("prod",))
    assert told == [{"always"}, {"always", "firing"}, set(names), set(names)]
    dry = [text for _, _, text in preview(days[1], made.settings)]
    assert ["(nothing: send is on_change)" in text for text in dry] == [False, False, True]


@pytest.mark.parametrize(
    ("tree", "path", "wrong"),
    [
        (route("ops", group_by=["..."]), "route.group_by", "would not stand"),
        (route("ops", mode="per_alert"), "route.mode", "would not stand"),
        (
            route("hook", mode="per_alert", routes=[route("ops")]),
            "route.routes[0].mode",
            "say mode: digest",
        ),
        (route("hook", mode="per_alert", group_by=["x"]), "route.group_by", "of no use"),
        (route("hook", mode="digest", group_by=["..."]), "route.mode", "contradicts"),
        (route("pager", mode="digest"), "route.mode", "single alerts only"),
    ],
)
def test_modes_that_nobody_would_stand(tree: Route, path: str, wrong: str) -> None:
    """A message per alert where people read, and words that contradict each other, are refused with their place."""
    pager = Receiver(name="pager", pagerduty_configs=[PagerdutyConfig(routing_key="x")])
    receivers = [console("ops"), webhook("https://h.example/", name="hook"), pager]
    found = list(routes.mistakes(Settings(receivers=receivers, route=tree)))
    assert [where for where, _ in found if "receivers[" not in where] == [path]
    assert wrong in found[0][1]


def test_a_day_without_groups_is_still_told(tmp_path: Path) -> None:
    """Nothing fires, so there is nothing to group by: one line says that it is quiet."""
    made = _grouped(tmp_path)
    assert made.send(QUIET).delivered == ("ops",)
    assert "all quiet" in made.stream.getvalue()


def test_a_share_without_alerts_is_no_quiet_day() -> None:
    """Who gets none of today's alerts reads how many others got; on a day without any there is nothing to add."""
    (shown, *_) = [text for _, _, text in preview(STORM, settings(TREE, "ops"))]
    assert "3 alerts went to other receivers" in shown
    (quiet,) = [text for _, _, text in preview(QUIET, settings(TREE, "ops"))]
    assert "other receivers" not in quiet


def test_what_is_urgent_is_told_to_those_alone_whom_it_concerns(tmp_path: Path) -> None:
    """An urgent alert of one team is no message to the others, who would read that all is quiet."""
    made = sender(tmp_path, *(console(name) for name in ("ops", "oncall", "shop", "payments")))
    made.route = TREE
    urgent = replace(QUIET, kind="urgent", findings=(finding("NodeNotReady", "critical"),))
    assert made.send(urgent).delivered == ("oncall",)
    assert "all quiet" not in made.stream.getvalue()


def test_a_preview_shows_each_share() -> None:
    """``--dry-run`` prints what each receiver would get."""
    shown = preview(STORM, settings(TREE, "ops", "oncall", "shop", "payments"))
    assert ["NodeNotReady happened" in text for _, _, text in shown] == [False, True, False, False]


def test_all_mistakes_of_the_tree_at_once(tmp_path: Path) -> None:
    """Unknown receivers, matchers that are none, and receivers that nothing leads to."""
    path = tmp_path / "c.yaml"
    path.write_text(
        """
        receivers: [{name: ops, console_configs: [{}]}, {name: forgotten, console_configs: [{}]}]
        route:
          matchers: ['a="b"']
          routes:
          - {receiver: nobody, matchers: ['severity'], continue: true}
          - {receiver: ops, matchers: ['namespace=~"("'], group_wait: 30s}
        """
    )
    with pytest.raises(ConfigError) as caught:
        rules.configured(path, environ={}, now=NOW)
    short = [line.removeprefix(f"{path}: ")[:60] for line in caught.value.mistakes]
    assert short == [
        "route.routes[1].group_wait: is not a known key; did you mean",
        "route.receiver: is missing; the root names who gets what no ",
        "route.matchers: must be empty: everything enters at the root",
        "route.routes[0].receiver: there is no receiver 'nobody'",
        "route.routes[0].matchers[0]: 'severity' is not a matcher; wr",
        "route.routes[1].matchers[0]: '(' is not a regular expression",
        "receivers[1].name: no route leads to 'forgotten'",
    ]


def test_a_receiver_may_do_without_what_is_over(tmp_path: Path) -> None:
    """With send_resolved: false a resolved alert is told to the others alone."""
    made = sender(
        tmp_path, console("all"), msgspec.structs.replace(console("new"), send_resolved=False)
    )
    shown = preview(STORM, made.settings)
    assert ["Pulls" in text for _, _, text in shown] == [True, False]


def test_receivers_may_be_reached_twice() -> None:
    """Two routes to one receiver are one message."""
    tree = route(
        "ops", routes=[route("shop", 'team="a"', continue_=True), route("shop", 'team="a"')]
    )
    digest = replace(QUIET, findings=(finding("X", team="a"),))
    assert [f.alert for f in shared(tree, digest, "shop").findings] == ["X"]

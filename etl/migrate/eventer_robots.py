"""kube-eventer's sinks for chats: a receiver of digests, or a target that gets each event with the message it had."""

from __future__ import annotations

from etl.migrate import addresses, eventer_bodies
from etl.migrate.eventer_digests import digest
from etl.migrate.found import Entry, Found
from etl.migrate.sink import Sink, Surroundings, level_match


def dingtalk(sink: Sink, around: Surroundings, found: Found) -> None:
    """Add the robot of a DingTalk group."""
    what = f"the robot's address with its access_token: {addresses.shown(sink.uri.geturl())}"
    secret = (
        {"secret_file": "the secret that the argument sign holds"} if sink.first("sign") else {}
    )
    if not found.per_event:
        digest(sink, "dingtalk", level_match(sink), what, found, secret)
        return
    if secret:
        found.refuse(
            sink.title,
            "a robot that wants signed messages takes no plain request; without --per-event it gets the digest, signed",
        )
        return
    labels = sink.options.get("label", [])
    if sink.first("msg_type") == "markdown":
        layout = eventer_bodies.dingtalk_markdown(
            labels, sink.first("cluster_id"), sink.first("region"), around.zone
        )
    else:
        layout = eventer_bodies.dingtalk_text(labels, sink.first("msg_type", "text"), around.zone)
    _robot(sink, layout, what, found)


def wechat(sink: Sink, around: Surroundings, found: Found) -> None:
    """Add a WeCom group robot in the place of an application."""
    what = "the address of a group robot, to be made in the group: kube-eventer speaks as an application, which is not taken here"
    found.note(
        f"{sink.title}: corp_id, corp_secret, agent_id and to_user are of no use any more; a group robot is asked, and mentioned_users of the receiver names people"
    )
    if not found.per_event:
        digest(sink, "wecom", level_match(sink), what, found)
        return
    layout = eventer_bodies.wechat(sink.options.get("label", []), around.zone)
    _robot(sink, layout, what, found)


def feishu(sink: Sink, around: Surroundings, found: Found) -> None:
    """Add the robot of a Feishu group."""
    del around
    if found.per_event:
        found.refuse(sink.title, "its card is not rebuilt; without --per-event it gets the digest")
        return
    what = f"the robot's address: {addresses.shown(sink.uri.geturl())}"
    digest(sink, "feishu", level_match(sink), what, found)


def _robot(sink: Sink, layout: object, what: str, found: Found) -> None:
    """Add a target that sends each event to a robot."""
    name = found.name(sink.kind)
    settings = {
        "name": name,
        "layout": layout,
        "http": {"url_file": found.secret_file(f"{name}-url", what)},
    }
    comments = (
        f"kube-eventer's {sink.kind}, event for event. A robot takes 20 messages a minute; the digest (without --per-event) is one.",
    )
    found.note(robot_note(name))
    found.targets.append(Entry(settings, comments))
    found.routes.append({"match": [{"receiver": name, **level_match(sink)}]})


def robot_note(name: str) -> str:
    """Return what has to be known of a chat that gets each event."""
    return f"target {name}: a robot answers 200 also where it refuses, as for more than 20 messages a minute; such a message is lost, as it was"

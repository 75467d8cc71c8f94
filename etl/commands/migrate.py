"""``eventlake migrate``: the settings of kube-eventer, kubernetes-event-exporter and Logstash as ours."""

from __future__ import annotations

from pathlib import Path

import click

from etl.commands.invocation import Invocation
from etl.commands.output import deliver
from etl.errors import UsageError


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--sink",
    "sinks",
    multiple=True,
    metavar="ARG",
    help="A --sink argument of kube-eventer, such as dingtalk:https://…; can be given several times.",
)
@click.option(
    "--per-event",
    is_flag=True,
    help="Chats get a message for each event too, with the body that they had; without it they get one digest.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where it is written.  [default: stdout]",
)
@click.pass_obj
def migrate(
    invocation: Invocation,
    files: tuple[Path, ...],
    sinks: tuple[str, ...],
    output: Path | None,
    *,
    per_event: bool,
) -> None:
    """Turn the settings of other event exporters into a configuration of eventlake.

    FILES are kube-eventer's manifests or lines of --sink arguments, config.yaml of
    kubernetes-event-exporter (alone or in its ConfigMap), and, for the way over Kafka, the
    pipeline of Logstash and the index template of Elasticsearch. Secrets are not written;
    it is said where they belong. A sample event goes through the result before it is shown.
    """
    from etl.migrate import migration  # noqa: PLC0415 -- PyYAML, Arrow and the templates only for this command

    if not files and not sinks:
        message = "give the files of the other exporter, or --sink arguments"
        raise UsageError(message)
    migrated = migration.migrate(files, sinks, per_event=per_event)
    deliver(invocation, migrated.text.encode(), output)
    found = migrated.found
    for refusal in found.refusals:
        invocation.warn(f"no counterpart: {refusal}")
    for note in found.notes:
        invocation.say(f"otherwise than before: {note}")
    for secret in found.secrets:
        invocation.notice(f"to be put in {secret.place}: {secret.what}")
    for one in migrated.rendered:
        way = (
            "would send of a sample event" if one.routed else "would not get the sample event, else"
        )
        invocation.say(f"target {one.target} {way}: {one.body}")
    invocation.say(
        f"targets: {len(found.targets)}, receivers: {len(found.receivers)}, without a counterpart: {len(found.refusals)}"
    )

"""The command line: global options, lazy commands, errors to exit codes.

Here, and in ``api`` for those who call from Python, the environment and the clock are read,
and nowhere else; arguments only here. ``now`` is read once; what needs to know how time goes
on gets ``clock``, which starts there.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import BinaryIO, TextIO

import click

from etl import __version__, log
from etl.commands.invocation import Invocation
from etl.commands.options import SPAN
from etl.errors import EventlakeError
from etl.lean import without_numpy
from etl.timespan import going_on

# name: (module below etl.commands, attribute, what --help says). Read without importing.
COMMANDS: dict[str, tuple[str, str, str]] = {
    "run": ("run", "run", "The main job: snapshot, seal, page, digest when it is due."),
    "snapshot": ("snapshot", "snapshot", "LIST the events of a cluster and append what is new."),
    "import": ("imports", "import_", "Append events from kubectl dumps, folders or stdin."),
    "seal": ("seal", "seal", "Rewrite closed days as one sorted file each."),
    "retention": ("retention", "retention", "Delete the days that are older than what is kept."),
    "redact": ("redact", "redact", "Mask secrets that are in the lake already."),
    "report": (
        "report",
        "report",
        "Answer questions: table, CSV, JSON, Markdown, Parquet or HTML.",
    ),
    "events": ("events", "events", "Show events as kubectl events does, from all of history."),
    "timeline": ("timeline", "timeline", "Tell what happened to an object, and around it."),
    "sql": ("sql", "sql", "Run one SELECT over the lake's views."),
    "shell": ("shell", "shell", "Ask statement after statement, at a prompt or from a pipe."),
    "views": ("views", "views", "Print SQL that shows the views in any DuckDB client."),
    "coverage": ("coverage", "coverage", "Show what is proven to be complete, and the gaps."),
    "check": ("digest", "check", "Evaluate the rules and print the findings; send nothing."),
    "digest": ("digest", "digest", "Evaluate, render and send the digest."),
    "forward": (
        "forward",
        "forward",
        "Hand on what is new to Kafka, Elasticsearch, HTTP or a file.",
    ),
    "deliver": ("digest", "deliver", "Send what the outbox still holds."),
    "doctor": ("doctor", "doctor", "List what is wrong with the lake, and mend it."),
    "metrics": ("metrics", "metrics", "Print what Prometheus would be told now."),
    "rules": ("rules", "rules", "List, check and explain the rules."),
    "receivers": (
        "receivers",
        "receivers",
        "List the receivers, and send one of them a test message.",
    ),
    "migrate": ("migrate", "migrate", "Take over the settings of other event exporters."),
    "silence": ("silence", "silence", "Keep alerts quiet for a time."),
    "retire": ("retire", "retire", "Say that a cluster is gone."),
    "switch": ("switch", "switch", "Turn one rule off or on."),
    "schedule": ("schedule", "schedule", "Do what run does again and again, without a CronJob."),
    "sample": ("sample", "sample", "Write the embedded sample of real events into a lake."),
    "version": ("version", "version", "Print the version."),
}
_PLUGIN = "kubectl eventlake"
_WORDS = "etl.cli.words"
# What asks questions of a lake, and the rewriting of its days.
_ON_SPARK = ("report", "sql", "events", "coverage", "check", "rules", "seal")
# 128 + the signal's number, as shells have it.
_INTERRUPTED = 130
_log = logging.getLogger(__name__)


class Terminated(KeyboardInterrupt):
    """SIGTERM: the job is over its deadline, or its node is drained."""

    exit_code = 143


class Option(click.Option):
    """An option whose environment variable is looked up in the environment that ``main`` was given."""

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """Return the variable's value, null where it is not set or empty."""
        environ = ctx.obj.environ if isinstance(ctx.obj, Invocation) else {}
        return environ.get(str(self.envvar)) or None if self.envvar else None


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        """Return the commands in the order of ``COMMANDS``."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return one command."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _summary = COMMANDS[cmd_name]
        command: click.Command = getattr(
            importlib.import_module(f"etl.commands.{module}"), attribute
        )
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Keep what stands behind the global options, which a pod may be asked, and run it."""
        ctx.meta[_WORDS] = (*ctx._protected_args, *ctx.args)  # noqa: SLF001 -- click's own name for the command
        return super().invoke(ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_m, _a, summary) in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 internal, 2 usage or configuration, 3 cluster, 4 lake, 5 partly delivered,"
    " 6 partly read, 130 interrupted, 143 terminated.",
)
@click.option(
    "--config", metavar="FILE", envvar="EVENTLAKE_CONFIG", cls=Option, help="Configuration in YAML."
)
@click.option(
    "--lake",
    metavar="PATH",
    envvar="EVENTLAKE_LAKE",
    cls=Option,
    help="Folder of the lake, or s3://, gs://, az:// with bucket and prefix, or pvc://NAMESPACE."
    " [default: lake; kubectl eventlake: pvc://eventlake]",
)
@click.option(
    "--cluster",
    metavar="NAME",
    envvar="EVENTLAKE_CLUSTER",
    cls=Option,
    help="The cluster's name in the lake, or one of clusters: in the configuration; only this one.",
)
@click.option(
    "--engine",
    type=click.Choice(["duckdb", "spark"]),
    default="duckdb",
    show_default=True,
    envvar="EVENTLAKE_ENGINE",
    cls=Option,
    help="Who answers; Spark wants the extra spark, and is configured as Spark is.",
)
@click.option(
    "--quiet",
    "-q",
    is_flag=True,
    envvar="EVENTLAKE_QUIET",
    cls=Option,
    help="Warnings and errors only.",
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    envvar="EVENTLAKE_LOG_FORMAT",
    cls=Option,
    help="Form of the messages on stderr.",
)
@click.option(
    "--context",
    metavar="NAME",
    envvar="EVENTLAKE_CONTEXT",
    cls=Option,
    help="A lake on a volume: context of the kubeconfig through which it is asked.",
)
@click.option(
    "--pod-image",
    metavar="IMAGE",
    envvar="EVENTLAKE_POD_IMAGE",
    cls=Option,
    help="The same: image of the pod that asks.  [default: the job's]",
)
@click.option(
    "--pod-timeout",
    type=SPAN,
    metavar="SPAN",
    envvar="EVENTLAKE_POD_TIMEOUT",
    cls=Option,
    help="The same: time after which the pod ends by itself.  [default: 9m]",
)
@click.option(
    "--write",
    is_flag=True,
    help="The same: let the command change the lake; otherwise it is mounted read-only.",
)
@click.version_option(
    __version__, "--version", prog_name="eventlake", message="%(prog)s %(version)s"
)
@click.pass_context
def cli(  # noqa: PLR0913 -- click gives options as arguments
    called: click.Context,
    config: str | None,
    lake: str | None,
    cluster: str | None,
    context: str | None,
    pod_image: str | None,
    pod_timeout: timedelta | None,
    *,
    engine: str,
    quiet: bool,
    log_format: str,
    write: bool,
) -> None:
    """History, analysis and alerting of Kubernetes events.

    Kubernetes forgets an event after about an hour. eventlake keeps every state in
    Parquet, proves what it saw, and sends one digest instead of a storm.

    Try it on the embedded sample: eventlake run --sample
    """
    invocation: Invocation = called.obj
    invocation.config = config
    invocation.lake_option = lake
    invocation.cluster_option = cluster
    invocation.engine = engine
    if engine == "spark" and called.invoked_subcommand not in _ON_SPARK:
        raise click.UsageError(
            f"{called.invoked_subcommand} has nothing for Spark to do: leave --engine spark out;"
            f" it is for {', '.join(_ON_SPARK)}"
        )
    invocation.quiet = quiet
    invocation.log_format = log_format
    log.configure(
        quiet=quiet,
        form="json" if log_format == "json" else "text",
        stream=invocation.stderr,
        run=invocation.run_id,
    )
    # Only what may be on a volume is looked at closer: everything else starts as fast as ever.
    if (place := invocation.volume(plugin=called.info_name == _PLUGIN)) is not None:
        from etl.commands import elsewhere  # noqa: PLC0415 -- PyYAML and the room that speaks to kubectl

        means = elsewhere.Means(context or "", pod_image or "", pod_timeout, write)
        code = elsewhere.answered(called, cli, called.meta[_WORDS], place, means)
        if code is not None:
            called.exit(code)


def main(
    arguments: Sequence[str] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    now: datetime | None = None,
    streams: tuple[BinaryIO, TextIO, TextIO] | None = None,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], datetime] | None = None,
    program: str | None = None,
) -> int:
    """Run the command line and return its exit code; tests give the world that it runs in.

    ``clock`` goes on from ``now``, in UTC; without one time passes as it does.

    ``program`` is what it was called as, for its usage; as a plugin of kubectl that is
    ``kubectl eventlake``.
    """
    environ = os.environ if environ is None else environ
    stdin, stdout, stderr = streams or (sys.stdin.buffer, sys.stdout, sys.stderr)
    given = list(sys.argv[1:] if arguments is None else arguments)
    started = now or datetime.now(UTC)
    invocation = Invocation(
        now=started,
        clock=clock or going_on(started),
        begin=_beginning(clock),
        sleep=sleep,
        environ=environ,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        log_format=_form(given, environ),
    )
    # Until the options are read, so that they may be wrong.
    log.configure(
        stream=stderr,
        form="json" if invocation.log_format == "json" else "text",
        run=invocation.run_id,
    )
    try:
        # Help and version are printed by click, which knows only the process's own streams.
        with (
            without_numpy(),
            contextlib.redirect_stdout(stdout),
            cli.make_context(program or _called_as(sys.argv[0]), given, obj=invocation) as context,
        ):
            cli.invoke(context)
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except Exception as error:  # noqa: BLE001 -- the last line: every failure becomes an exit code
        return _failed(error, invocation)
    except KeyboardInterrupt as error:
        return _interrupted(getattr(error, "exit_code", _INTERRUPTED))
    return 0


def _form(given: Sequence[str], environ: Mapping[str, str]) -> str:
    """Return the form of messages that is asked for, before anybody knows whether all of it can be read."""
    if "--log-format=json" in given or ("--log-format", "json") in pairwise(given):
        return "json"
    return "json" if environ.get("EVENTLAKE_LOG_FORMAT") == "json" else "text"


def _called_as(path: str) -> str:
    """Return what somebody typed: kubectl runs ``kubectl-eventlake`` for ``kubectl eventlake``."""
    name = os.path.basename(path)  # noqa: PTH119 -- pathlib is not loaded yet, and --help is quick
    return _PLUGIN if name.startswith("kubectl-eventlake") else "eventlake"


def _failed(error: Exception, invocation: Invocation) -> int:
    """Tell the user what to do, or show a defect's traceback; return the exit code."""
    if isinstance(error, click.Abort):
        return _interrupted(_INTERRUPTED)
    if isinstance(error, click.ClickException):
        if invocation.log_format == "json":
            _log.error("%s", error.format_message())
        else:
            error.show(file=invocation.stderr)
        return error.exit_code
    if isinstance(error, EventlakeError):
        _log.error("%s", error.shown)
        return error.exit_code
    if isinstance(error, BrokenPipeError):
        # The reader of our output went away, as head does: nothing is wrong. What is still
        # buffered goes nowhere, so that the interpreter does not stumble over it at its end.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), invocation.stdout.fileno())
        return 0
    _log.error(
        "this is a defect of eventlake; please report it with the lines below", exc_info=error
    )
    return 1


def _interrupted(code: int) -> int:
    _log.warning("interrupted; what was not published is discarded")
    return code


def _beginning(
    clock: Callable[[], datetime] | None,
) -> Callable[[], tuple[datetime, Callable[[], datetime]]]:
    """Return what reads the time anew, for a command that goes on for days."""

    def begin() -> tuple[datetime, Callable[[], datetime]]:
        now = clock() if clock else datetime.now(UTC)
        return now, clock or going_on(now)

    return begin

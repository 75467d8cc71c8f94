"""A command on a lake that lies on a volume in a cluster: what may be asked there, and the course of it.

The command line is read here first, so that a mistake costs no pod. Then a pod is started that
mounts the volume, the same words are executed in it, and what it writes comes back: standard
output and standard error as they are, the exit code, and ``--output`` as a file of this machine.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import msgspec

from etl.commands.invocation import Invocation
from etl.commands.output import deliver
from etl.errors import ClusterError, UsageError
from etl.remote import pod as pods
from etl.remote import writer as writers
from etl.remote.kubectl import Ended, Kubectl
from etl.remote.place import DEFAULT, SCHEME, Place, parse
from etl.source.namespace import current

# Each command stands in exactly one of these; a test holds them beside the command line.
LOOKS = frozenset(
    {
        *("check", "coverage", "doctor", "events", "metrics", "receivers list", "report"),
        *("rules backtest", "rules check", "rules explain", "rules list", "shell"),
        *("silence list", "sql", "timeline", "views"),
    }
)
WRITES = frozenset(
    {
        *("import", "redact", "retention", "retire", "seal"),
        *("silence add", "silence expire", "switch"),
    }
)
# What needs the job's account, its Secrets or its network, none of which the pod has.
THE_JOB = frozenset(
    {"deliver", "digest", "forward", "receivers test", "run", "schedule", "snapshot"}
)
# What needs no lake, or makes one of its own.
HERE = frozenset({"migrate", "rules test", "sample", "version"})
# Options by which what writes or sends only looks, and what looks writes.
_ONLY_LOOKS = ("dry_run", "dead_letters")
_CHANGES = ("quarantine", "repair")
# Wide enough for a file, as with a lake of this machine.
_FILE_COLUMNS = "160"
_KILLED = 137


@dataclass(frozen=True, slots=True)
class Question:
    """A command line that was read: ``words`` without ``--output``, and what it will do."""

    name: str
    words: tuple[str, ...]
    params: Mapping[str, Any]
    output: Path | None

    @property
    def here(self) -> bool:
        """Whether it needs no lake, or writes one of its own on this machine."""
        return self.name in HERE or (self.name == "run" and bool(self.params.get("sample")))

    @property
    def looks(self) -> bool:
        """Whether it leaves everything as it is."""
        options = _CHANGES if self.name in LOOKS else _ONLY_LOOKS
        return (self.name in LOOKS) is not any(self.params.get(option) for option in options)

    @property
    def listens(self) -> bool:
        """Whether it reads standard input."""
        given = (self.params.get("query"), *(self.params.get("paths") or ()))
        return self.name == "shell" or "-" in given


@dataclass(frozen=True, slots=True)
class Means:
    """What the user says about the way to the lake, from options and environment."""

    context: str
    image: str
    deadline: timedelta | None
    write: bool


def answered(
    context: click.Context, group: click.Group, words: Sequence[str], address: str, means: Means
) -> int | None:
    """Ask the lake at ``address`` and return the exit code; null for what runs on this machine.

    An empty address is that of the plugin: where the manifests put a lake. A mistake in the words
    is raised before anybody is asked.
    """
    invocation: Invocation = context.obj
    question = read(context, group, words)
    if question.here or (question.name == "rules check" and invocation.config):
        return None
    place = parse(address) if address else DEFAULT
    return ask(invocation, question, place, means)


def read(context: click.Context, group: click.Group, words: Sequence[str]) -> Question:
    """Read the command line below ``group`` as the command itself will; a mistake is raised, and ``--help`` answered."""
    name, command, rest = group.resolve_command(context, list(words))
    path = name or ""
    if command is None:
        message = f"there is no command {path}"
        raise click.UsageError(message)
    inner = command.make_context(name, list(rest), parent=context)
    if isinstance(command, click.Group):
        below = read(inner, command, [*inner._protected_args, *inner.args])  # noqa: SLF001 -- click's own name for the command
        return Question(f"{path} {below.name}", (path, *below.words), below.params, below.output)
    output = inner.params.get("output")
    own = {option for p in command.params if p.name == "output" for option in p.opts}
    kept = _without(own, rest) if isinstance(output, Path) else list(rest)
    return Question(path, (path, *kept), inner.params, output if isinstance(output, Path) else None)


def refuse(question: Question, means: Means) -> None:
    """Raise ``UsageError`` for what cannot be asked in a pod, or only with ``--write``."""
    name, params = question.name, question.params
    if name in THE_JOB and not question.looks:
        message = (
            f"{name} needs the account, the Secrets and the network of the job; start the job instead:"
            " kubectl -n NAMESPACE create job --from=cronjob/eventlake NAME"
        )
        raise UsageError(message)
    if not (question.looks or means.write):
        message = f"{name} changes the lake, and a lake on a volume is only read; say --write before the command if it shall"
        raise UsageError(message)
    mine = [
        str(value)
        for key in ("files", "folders", "paths")
        for value in params.get(key) or ()
        if str(value) != "-"
    ]
    if mine:
        offer = "; give the dump on standard input: -" if name == "import" else ""
        message = f"{mine[0]} is a file of this machine, which the pod cannot read{offer}"
        raise UsageError(message)


def ask(invocation: Invocation, question: Question, place: Place, means: Means) -> int | None:
    """Ask a lake on a volume and return the command's exit code; raises ``ClusterError``.

    Where the lake turns out to be in a bucket, its address becomes ``invocation.lake_option`` and
    the answer is null: it is asked from here.
    """
    kubectl = Kubectl(invocation.environ, context=means.context)
    writer = writers.find(kubectl, place)
    if not place.claim and (writer is None or not writer.claim):
        if writer is None:
            message = f"no CronJob or Deployment of eventlake is in the namespace {place.namespace}; name the lake: --lake FOLDER, s3://… or {SCHEME}NAMESPACE/CLAIM"
            raise ClusterError(message)
        invocation.lake_option = writers.bucket(kubectl, place, writer)
        invocation.say(f"the lake is {invocation.lake_option}: asked from here, without a pod")
        return None
    refuse(question, means)
    claim = place.claim or (writer.claim if writer else "")
    others = kubectl.get("pods", f"--namespace={place.namespace}").get("items", [])
    pods.tidy(kubectl, place, others)
    pod = pods.manifest(
        place,
        writer,
        pods.Wanted(
            means.image,
            means.deadline,
            means.write,
            _environment(invocation, question, means.context),
        ),
        node=pods.node_of(others, claim),
    )
    lake = pods.lake_path(place, writer)
    config = writer.config if writer and writer.config_volume else ""
    with pods.running(kubectl, pod, sleep=invocation.sleep) as name:
        words = [pods.PROGRAM, *_globals(invocation, lake, config), *question.words]
        ended = _executed(invocation, kubectl, question, place.namespace, name, words)
        if ended.own and ended.code != _KILLED:
            return ended.code
        why = pods.why_it_ended(kubectl, place.namespace, name)
    if ended.own and not why:
        limit = pod["spec"]["containers"][0]["resources"]["limits"]["memory"]
        why = f"it was killed, most likely because it took more than {limit} of memory"
    message = f"the command in the pod {place.namespace}/{name} was broken off: {why or 'the connection ended; see above'}"
    raise ClusterError(message)


def _executed(
    invocation: Invocation,
    kubectl: Kubectl,
    question: Question,
    namespace: str,
    pod: str,
    words: Sequence[str],
) -> Ended:
    """Execute the command; what it answers goes to standard output, or whole into the file of ``--output``."""
    if question.name == "shell" and _typed(invocation):
        return kubectl.talk(namespace, pod, words)
    answer: list[bytes] = []

    def show(chunk: bytes) -> None:
        deliver(invocation, chunk, None)

    ended = kubectl.execute(
        namespace,
        pod,
        words,
        stdin=invocation.stdin if question.listens else None,
        out=answer.append if question.output else show,
        err=invocation.stderr,
    )
    if question.output and ended.code == 0:
        deliver(invocation, b"".join(answer), question.output)
    return ended


def _globals(invocation: Invocation, lake: str, config: str) -> list[str]:
    """Return the options before the command, as they are in the pod."""
    given = [f"--lake={lake}"]
    if config:
        given.append(f"--config={config}")
    if invocation.cluster_option:
        given.append(f"--cluster={invocation.cluster_option}")
    if invocation.quiet:
        given.append("--quiet")
    return [*given, f"--log-format={invocation.log_format}"]


def _environment(invocation: Invocation, question: Question, context: str) -> dict[str, str]:
    """Return what the command in the pod has to know of this terminal, and of this user's kubeconfig."""
    environ = invocation.environ
    source = invocation.settings.source
    if context:
        source = msgspec.structs.replace(source, context=context)
    known = {"EVENTLAKE_NAMESPACE": current(source, environ)}
    if environ.get("USER"):
        # Silences and switches keep who made them.
        known["USER"] = environ["USER"]
    if question.output:
        return known | {"COLUMNS": _FILE_COLUMNS}
    if columns := _columns(invocation):
        known["COLUMNS"] = columns
    if invocation.stdout.isatty() and not environ.get("NO_COLOR"):
        known |= {"FORCE_COLOR": "1", "TERM": environ.get("TERM") or "xterm"}
        if environ.get("COLORTERM"):
            known["COLORTERM"] = environ["COLORTERM"]
    return known


def _columns(invocation: Invocation) -> str:
    if given := invocation.environ.get("COLUMNS"):
        return given
    # No terminal, no width: then the command takes its own default.
    with suppress(OSError, ValueError):
        return str(os.get_terminal_size(invocation.stdout.fileno()).columns)
    return ""


def _typed(invocation: Invocation) -> bool:
    return invocation.stdin.isatty() and invocation.stdout.isatty()


def _without(options: set[str], words: Sequence[str]) -> list[str]:
    """Return ``words`` without one option and its value, in each way that click takes it."""
    kept: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "--":
            return [*kept, word, *rest]
        if word in options:
            next(rest, None)
        elif not any(_holds(word, option) for option in options):
            kept.append(word)
    return kept


def _holds(word: str, option: str) -> bool:
    """Whether ``word`` is ``--output=FILE`` or ``-oFILE``."""
    if option.startswith("--"):
        return word.startswith(f"{option}=")
    return word.startswith(option) and not word.startswith("--")

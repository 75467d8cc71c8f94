"""The user's kubectl: what it prints as JSON, and a command in a pod with its streams and exit code."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread
from typing import IO, Any, BinaryIO, TextIO

from etl.errors import ClusterError, quoted

# What `kubectl exec` says last on standard error when it was the command that failed, not kubectl.
_ENDED = re.compile(r"command terminated with exit code \d+\s*")
_CHUNK = 1 << 16
# A request of a few lines; longer than the API server's own limit of 60 s says nothing.
_SECONDS = 70


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command in a pod ended; ``own`` is false where kubectl failed and not the command."""

    code: int
    own: bool


class Kubectl:
    """One kubectl in one context of the user's kubeconfig; errors are ``ClusterError``."""

    def __init__(self, environ: Mapping[str, str], *, context: str = "") -> None:
        """Find the program on the path of ``environ``; an empty ``context`` is the current one."""
        program = shutil.which("kubectl", path=environ.get("PATH"))
        if program is None:
            message = "kubectl is not on the path, and a lake on a volume is asked through it; install it, or name a lake of this machine by --lake"
            raise ClusterError(message)
        self._environ = dict(environ)
        self._command = [program, *([f"--context={context}"] if context else [])]

    def get(self, *arguments: str) -> dict[str, Any]:
        """Return what ``kubectl get … -o json`` says."""
        found: dict[str, Any] = json.loads(self._run("get", *arguments, "--output=json"))
        return found

    def create(self, manifest: Mapping[str, Any]) -> None:
        """Create one object."""
        self._run("create", "--filename=-", stdin=json.dumps(manifest).encode())

    def delete(self, namespace: str, *names: str) -> None:
        """Delete pods; not being there is fine, and nobody waits until they are gone."""
        # A session of its own: a second Ctrl-C stops our waiting, and the pods are deleted.
        arguments = ("--ignore-not-found", "--wait=false", f"--namespace={namespace}")
        self._run("delete", "pod", *arguments, *names, own_session=True)

    def execute(
        self,
        namespace: str,
        pod: str,
        words: Sequence[str],
        *,
        stdin: BinaryIO | None,
        out: Callable[[bytes], object],
        err: TextIO,
    ) -> Ended:
        """Execute ``words`` in a pod; standard output goes to ``out`` byte for byte as it comes."""
        said: list[bool] = []
        with self._started(namespace, pod, words, stdin) as process:
            listener = Thread(target=lambda: said.append(_passed_on(process.stderr, err)))
            listener.start()
            if stdin is not None and process.stdin is not None:
                # A daemon: whoever types may never press a key again.
                Thread(target=_fed, args=(stdin, process.stdin), daemon=True).start()
            try:
                while chunk := os.read(_pipe(process), _CHUNK):
                    out(chunk)
                code = process.wait()
            finally:
                # On Ctrl-C the terminal has told kubectl too; after SIGTERM nobody has.
                if process.poll() is None:
                    process.terminate()
                listener.join()
        return Ended(code, own=code == 0 or any(said))

    def talk(self, namespace: str, pod: str, words: Sequence[str]) -> Ended:
        """Execute ``words`` on this terminal, both ways."""
        command = [*self._command, "exec", "--stdin", "--tty", f"--namespace={namespace}", pod]
        code = subprocess.call([*command, "--", *words], env=self._environ)  # noqa: S603 -- the user's own kubectl
        return Ended(code, own=True)

    def _started(
        self, namespace: str, pod: str, words: Sequence[str], stdin: BinaryIO | None
    ) -> subprocess.Popen[bytes]:
        listening = ["--stdin"] if stdin is not None else []
        command = [*self._command, "exec", *listening, f"--namespace={namespace}", pod]
        return subprocess.Popen(  # noqa: S603 -- the user's own kubectl
            [*command, "--", *words],
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._environ,
        )

    def _run(self, *arguments: str, stdin: bytes = b"", own_session: bool = False) -> bytes:
        try:
            done = subprocess.run(  # noqa: S603 -- the user's own kubectl
                [*self._command, *arguments],
                input=stdin,
                capture_output=True,
                check=False,
                env=self._environ,
                timeout=_SECONDS,
                start_new_session=own_session,
            )
        except subprocess.TimeoutExpired as error:
            message = f"kubectl {arguments[0]} did not answer within {_SECONDS} s; is the cluster reachable?"
            raise ClusterError(message) from error
        if done.returncode != 0:
            said = quoted(done.stderr.decode("utf-8", "replace"))
            message = f"kubectl {' '.join(arguments[:2])} failed: {said}"
            raise ClusterError(message)
        return done.stdout


def _pipe(process: subprocess.Popen[bytes]) -> int:
    """Return the reading end of standard output, which ``_started`` asked for."""
    if process.stdout is None:
        raise ValueError(process.args)
    return process.stdout.fileno()


def _passed_on(source: IO[bytes] | None, err: TextIO) -> bool:
    """Write the lines of ``source`` to ``err``, but not kubectl's own last word; return whether it was said."""
    held = ""
    for line in source or ():
        text = line.decode("utf-8", "replace")
        err.write(held)
        held = text if _ENDED.fullmatch(text) else ""
        if not held:
            err.write(text)
        err.flush()
    return bool(held)


def _fed(source: BinaryIO, sink: IO[bytes]) -> None:
    # A command that ends before its input does is no failure: head does so every day.
    with suppress(BrokenPipeError, ValueError), sink:
        while chunk := source.read(_CHUNK):
            sink.write(chunk)
            sink.flush()

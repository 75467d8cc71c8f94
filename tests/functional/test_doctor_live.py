"""``eventlake doctor --live``: each thing that a run needs, found when it is there and when it is not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from tests.lib import certificates
from tests.lib.accounts import Account
from tests.lib.apiserver import ApiServer
from tests.lib.commandline import NOW, Done, contents, eventlake
from tests.lib.loopback import Answer, LoopbackServer
from tests.lib.ports import free_port
from tests.lib.snapshots import filled
from tests.lib.storages import Storages

MINUTE = timedelta(minutes=1)
TOKEN = "T0123456789/B4567/zyxwvutsrqponm"  # noqa: S105 - of nobody


@dataclass(slots=True)
class Clinic:
    """A configuration, the cluster that it names, and the doctor's answer about them."""

    folder: Path
    server: ApiServer
    source: str = ""
    more: str = ""
    lake: str = ""

    def command(self, *command: str, environ: dict[str, str] | None = None) -> Done:
        """Run a command with the configuration."""
        kubeconfig = self.server.kubeconfig(self.folder / "kubeconfig")
        (self.folder / "config.yaml").write_text(
            f"cluster: prod\nsource: {{kubeconfig: {kubeconfig}, timeout: 2s{self.source}}}\n{self.more}"
        )
        lake = self.lake or self.folder / "lake"
        return eventlake(
            *("--config", self.folder / "config.yaml", "--lake", lake, *command),
            now=self.server.now,
            environ=environ,
        )

    def said(self, *, code: int = 0, environ: dict[str, str] | None = None) -> dict[str, str]:
        """Return level and detail of each line by its subject."""
        done = self.command("doctor", "--live", "--format", "json", environ=environ)
        assert done.code == code, (done.out, done.err)
        rows = done.json()
        assert all(row["advice"] for row in rows if row["level"] != "ok")
        return {row["subject"]: f"{row['level']}: {row['detail']}" for row in rows}


@pytest.fixture
def clinic(tmp_path: Path, apiserver: ApiServer) -> Clinic:
    """A cluster with three events and nothing wrong."""
    filled(apiserver, 3)
    return Clinic(tmp_path, apiserver)


def test_all_is_well(clinic: Clinic) -> None:
    """Before the first run and after some: a line for each thing, code 0, and nothing in the lake changes."""
    found = clinic.said()
    assert found["cluster's name"] == "ok: prod, new"
    assert found["lake"].startswith("warn: ")
    for number in range(5):
        clinic.server.now = NOW + 10 * number * MINUTE
        assert clinic.command("snapshot").code == 0
    before = contents(clinic.folder / "lake")
    found = clinic.said()
    assert contents(clinic.folder / "lake") == before
    assert found.pop("free space")
    assert {subject: line.partition(":")[0] for subject, line in found.items()} == {
        "cluster's name": "ok",
        "cluster": "ok",
        "list events in all namespaces": "ok",
        "clocks": "ok",
        "source.interval beside source.ttl": "ok",
        "newest snapshot": "ok",
        "interval as seen": "ok",
        "TTL as seen": "ok",
        "lake": "ok",
        "write, read, delete": "ok",
        "exclusive create": "ok",
        "receivers": "warn",
    }
    done = clinic.command("doctor", "--live")
    assert "a run would work; 1 warnings" in done.err
    assert "docs/receivers.md" in done.out


def test_each_namespace_is_asked(clinic: Clinic) -> None:
    """The one without a Role is named, with the Role that it needs; the code is that of the cluster."""
    clinic.server.allow(clinic.server.token, Account("robot", namespaces=frozenset({"shop"})))
    clinic.source = ", namespaces: [shop, pay]"
    found = clinic.said(code=3)
    assert found["list events in namespace shop"] == "ok: allowed"
    assert found["list events in namespace pay"].startswith("fail: HTTP 403: ")
    clinic.source = ""
    assert "HTTP 403" in clinic.said(code=3)["list events in all namespaces"]
    clinic.server.revoke(clinic.server.token)
    assert "HTTP 401" in clinic.said(code=3)["list events in all namespaces"]
    assert {request.query.get("limit") for request in clinic.server.requests} == {"1"}


def test_a_cluster_that_is_not_there(clinic: Clinic) -> None:
    """Neither a server that is gone nor a kubeconfig that is missing stops the other lines."""
    clinic.source = ", context: nowhere"
    assert clinic.said(code=3)["cluster"].startswith("ok: ") is False
    clinic.source = ""
    kubeconfig = clinic.server.kubeconfig(clinic.folder / "other")
    gone = kubeconfig.read_text().replace(str(clinic.server.port), str(free_port()))
    kubeconfig.write_text(gone)
    clinic.source = f", kubeconfig: {kubeconfig}"
    (clinic.folder / "c.yaml").write_text(f"cluster: prod\nsource: {{kubeconfig: {kubeconfig}}}\n")
    done = eventlake(
        *("--config", clinic.folder / "c.yaml", "--lake", clinic.folder / "lake"),
        *("doctor", "--live", "--format", "json"),
    )
    assert done.code == 3
    assert "no connection" in done.out
    assert "write, read, delete" in done.out


def test_clocks_that_differ_are_a_warning(clinic: Clinic) -> None:
    """By the Date header of the answer."""
    now = clinic.server.now
    clinic.server.now = now + 90 * MINUTE
    done = eventlake(
        *("--lake", clinic.folder / "lake", "--cluster", "prod", "doctor", "--live"),
        *("--format", "json"),
        environ={"KUBECONFIG": str(clinic.server.kubeconfig(clinic.folder / "k"))},
        now=now,
    )
    (line,) = [row for row in done.json() if row["subject"] == "clocks"]
    assert (line["level"], line["detail"]) == ("warn", "the server is 5400 s ahead of us")


@pytest.mark.parametrize(
    ("source", "line", "code"),
    [
        (", interval: 1h", "fail: a run every 1h, events live 1h", 2),
        (", interval: 40m", "warn: a run every 40m, events live 1h", 0),
        (", interval: 40m, ttl: 3h", "ok: a run every 40m, events live 3h", 0),
    ],
)
def test_the_schedule_leaves_room_or_not(clinic: Clinic, source: str, line: str, code: int) -> None:
    """As configured: a pause as long as the TTL is a gap each time."""
    clinic.source = source
    assert clinic.said(code=code)["source.interval beside source.ttl"] == line


def test_what_the_ledger_saw_is_told(clinic: Clinic) -> None:
    """Runs that are further apart than configured, and a job that stands still."""
    for number in range(4):
        clinic.server.now = NOW + 25 * number * MINUTE
        assert clinic.command("snapshot").code == 0
    clinic.server.now += 45 * MINUTE
    found = clinic.said()
    assert found["interval as seen"] == "warn: 25m between runs, source.interval is 10m"
    assert found["newest snapshot"] == "warn: 45m ago"


def test_another_name_for_a_cluster_is_noticed(clinic: Clinic) -> None:
    """A history that would begin anew; and no name at all is a failure."""
    assert clinic.command("--cluster", "old", "snapshot").code == 0
    assert clinic.said()["cluster's name"].startswith(
        "warn: prod is not in the lake, which holds old"
    )


def test_a_lake_that_refuses(clinic: Clinic) -> None:
    """A file where the folder should be: each line says so, and the code is the lake's."""
    (clinic.folder / "lake").write_text("no folder")
    found = clinic.said(code=4)
    assert found["write, read, delete"].startswith("fail: ")


def test_a_lake_in_a_bucket(clinic: Clinic, storages: Storages) -> None:
    """Written to and created in exclusively, wherever it lies; what is free is asked of folders alone."""
    clinic.lake = storages.make().root
    found = clinic.said(environ=dict(storages.environ))
    assert found["write, read, delete"] == "ok: allowed"
    assert found["exclusive create"] == "ok: honoured"


@pytest.fixture
def hook() -> Iterator[LoopbackServer]:
    """A receiver that must not get anything."""
    with LoopbackServer(lambda _request: Answer(500), tls=True) as server:
        yield server
        assert server.requests == []


def test_receivers_are_reached_and_told_nothing(clinic: Clinic, hook: LoopbackServer) -> None:
    """TLS is agreed on, secrets are read, folders are writable; no request is made and no address shown."""
    ca = clinic.folder / "ca.pem"
    ca.write_bytes(certificates.authority().cert_pem.bytes())
    (clinic.folder / "url").write_text(f"{hook.url}/services/{TOKEN}")
    (clinic.folder / "out").mkdir()
    clinic.more = (
        "receivers:\n- name: team\n"
        f"  slack_configs: [{{url_file: {clinic.folder}/url, allow_private: true}}]\n"
        f"  file_configs: [{{folder: {clinic.folder}/out}}, {{folder: {clinic.folder}/none}}]\n"
        f"  webhook_configs: [{{url: 'https://127.0.0.1:{free_port()}/x', allow_private: true}}, {{url: '{hook.url}/x'}}]\n"
        f"  email_configs: [{{host: 127.0.0.1, port: {hook.port}, sender: a@b.example, to: [c@d.example], allow_private: true}}]\n"
        "  telegram_configs: [{chat_id: '5', bot_token_file: /nonexistent/token}]\n"
        "  console_configs: [{}]\n"
        f"heartbeat: {{url_file: {clinic.folder}/url, allow_private: true}}\n"
        f"metrics: {{textfile: {clinic.folder}/none/e.prom}}\n"
    )
    found = clinic.said(code=5, environ={"SSL_CERT_FILE": str(ca)})
    told = {subject.removeprefix("receiver team, "): line for subject, line in found.items()}
    assert told["slack[0]"] == "ok: reachable"
    assert told["heartbeat"] == "ok: reachable"
    assert told["email[0]"] == "ok: 127.0.0.1 is reachable"
    assert told["console[0]"] == "ok: set up"
    assert told["file[0]"].startswith("ok: ")
    assert told["file[1]"].endswith("is not there")
    assert told["webhook[0]"].startswith("fail: cannot connect to 127.0.0.1, port")
    assert "is a loopback, private" in told["webhook[1]"]
    assert "cannot read the secret file /nonexistent/token" in told["telegram[0]"]
    assert told["metrics.textfile"].startswith("fail: ")
    assert TOKEN not in str(found)
    untrusted = clinic.said(code=5)["heartbeat"]
    assert "127.0.0.1 is not trusted: unable to get local issuer certificate" in untrusted


def test_mending_and_looking_are_two_calls(clinic: Clinic) -> None:
    """--live mends nothing."""
    assert clinic.command("doctor", "--live", "--repair").code == 2


def test_the_lists_that_owners_need_are_asked_for(clinic: Clinic) -> None:
    """Metadata alone, where it is switched on; a refusal is a warning, because a run goes on without."""
    account = Account("eventlake", metadata=frozenset({"namespaces", "pods", "jobs"}))
    clinic.server.allow(clinic.server.token, account)
    clinic.more = "owners: {enabled: true, namespace_labels: [team]}\n"
    found = clinic.said()
    assert {
        name: found[f"list {name}"] for name in ("namespaces", "pods", "jobs")
    } == dict.fromkeys(("namespaces", "pods", "jobs"), "ok: allowed")
    assert found["list replicasets"].startswith("warn: HTTP 403: ")


def test_watches_are_tried_where_snapshots_are_incremental(clinic: Clinic) -> None:
    """For a second; an account that may only list gets a warning, because then each snapshot is a whole list."""
    clinic.source = ", interval: 2m, watch: {enabled: true}"
    assert clinic.said()["watch events in all namespaces"] == "ok: allowed"
    clinic.server.allow(clinic.server.token, Account("eventlake", verbs=frozenset({"list"})))
    found = clinic.said()
    assert found["list events in all namespaces"] == "ok: allowed"
    assert found["watch events in all namespaces"].startswith("warn: HTTP 403: ")

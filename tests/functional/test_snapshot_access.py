"""How a snapshot finds its cluster and is let in: kubeconfigs, TLS, plugins, and the account of a pod."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from kubernetes.config import incluster_config

from tests.lib.apiserver import ApiServer
from tests.lib.commandline import (
    eventlake,
    ledger,
    rows,
)
from tests.lib.snapshots import filled, listed


@pytest.fixture
def kubeconfig(apiserver: ApiServer, tmp_path: Path) -> Path:
    """A kubeconfig of the fake, whose cluster is called ``fake``."""
    return apiserver.kubeconfig(tmp_path / "kubeconfig")


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A lake that is not there yet."""
    return tmp_path / "lake"


def test_kubeconfig_by_option_environment_and_home(apiserver: ApiServer, tmp_path: Path) -> None:
    """The option wins over KUBECONFIG, which wins over the one at home; each names its cluster."""
    filled(apiserver, 1)
    home = tmp_path / "home" / ".kube"
    home.mkdir(parents=True)
    apiserver.kubeconfig(home / "config", context="at-home")
    named = apiserver.kubeconfig(tmp_path / "named", context="by-environment")
    given = apiserver.kubeconfig(tmp_path / "given", context="by-option")
    environ = {"HOME": str(home.parent), "EVENTLAKE_LAKE": str(tmp_path / "lake")}
    missing = f"{tmp_path / 'missing'}:{named}"
    ways: list[tuple[list[object], dict[str, str]]] = [
        ([], environ),
        ([], {**environ, "KUBECONFIG": missing}),
        (["--kubeconfig", given], {**environ, "KUBECONFIG": missing}),
    ]
    for options, world in ways:
        assert eventlake("snapshot", *options, environ=world).code == 0
    found = rows(tmp_path / "lake", "select cluster from snapshots order by 1")
    assert [row["cluster"] for row in found] == ["at-home", "by-environment", "by-option"]


def test_kubeconfigs_are_merged(tmp_path: Path) -> None:
    """KUBECONFIG may name several files, and --context chooses a context of any of them."""
    with ApiServer() as one, ApiServer() as two:
        filled(one, 1)
        filled(two, 2)
        paths = [
            one.kubeconfig(tmp_path / "one", context="one"),
            two.kubeconfig(tmp_path / "two", context="two"),
        ]
        environ = {"KUBECONFIG": ":".join(map(str, paths)), "EVENTLAKE_LAKE": str(tmp_path / "l")}
        assert eventlake("snapshot", "--context", "one", environ=environ).code == 0
        assert eventlake("snapshot", "--context", "two", environ=environ).code == 0
    found = rows(tmp_path / "l", "select cluster, items from snapshots order by 1")
    assert found == [{"cluster": "one", "items": 1}, {"cluster": "two", "items": 2}]


def test_context_is_enough_without_a_current_one(
    apiserver: ApiServer, kubeconfig: Path, lake: Path
) -> None:
    """A kubeconfig that has no current context is used by naming one."""
    content = yaml.safe_load(kubeconfig.read_text("utf-8"))
    content["current-context"] = ""
    kubeconfig.write_text(yaml.safe_dump(content), "utf-8")
    filled(apiserver, 1)
    listed(lake, kubeconfig, "--context", "fake")
    assert rows(lake, "select distinct cluster from observations") == [{"cluster": "fake"}]


def test_tls_is_trusted_by_the_kubeconfigs_authority(tmp_path: Path, lake: Path) -> None:
    """The kubeconfig's certificate-authority-data is what TLS is checked against."""
    with ApiServer(tls=True) as server:
        filled(server, 3)
        listed(lake, server.kubeconfig(tmp_path / "kubeconfig"))
    assert rows(lake, "select sum(n) as n from observations") == [{"n": 3}]


def test_unchecked_tls_is_told(tmp_path: Path, lake: Path) -> None:
    """A kubeconfig that switches the check off is obeyed, and the run says so, in a line of its own."""
    with ApiServer(tls=True) as server:
        path = server.kubeconfig(tmp_path / "kubeconfig")
        content = yaml.safe_load(path.read_text("utf-8"))
        content["clusters"][0]["cluster"] = {"server": server.url, "insecure-skip-tls-verify": True}
        path.write_text(yaml.safe_dump(content), "utf-8")
        done = listed(lake, path)
    assert done.err.splitlines()[0] == (
        f"warning: the kubeconfig {path}: the server's certificate is not checked"
    )


def test_exec_plugin_gives_the_token(tmp_path: Path, lake: Path) -> None:
    """A kubeconfig whose user is a credential plugin works as one with a token."""
    with ApiServer(tls=True) as server:
        filled(server, 1)
        listed(lake, server.kubeconfig(tmp_path / "kubeconfig", exec_plugin=True))
        assert server.requests[-1].headers["authorization"] == f"Bearer {server.token}"


def test_renewal_that_fails_is_not_the_end(
    tmp_path: Path, lake: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A plugin's token that is past its time and cannot be renewed is used as long as it is accepted."""
    with ApiServer() as server:
        filled(server, 1)
        path = server.kubeconfig(tmp_path / "kubeconfig", exec_plugin=True)
        plugin = tmp_path / "credential-plugin"
        once = plugin.read_text("utf-8").replace("#!/bin/sh", "#!/bin/sh\nmkdir ran || exit 1")
        expired = '{"expirationTimestamp": "2020-01-01T00:00:00Z", "token"'
        plugin.write_text(once.replace('{"token"', expired), "utf-8")
        listed(lake, path)
    assert (tmp_path / "ran").is_dir()
    assert capfd.readouterr() == ("", "")


def test_token_file_may_end_its_line(apiserver: ApiServer, kubeconfig: Path, lake: Path) -> None:
    """A token in a file of its own is trimmed, as kubectl does."""
    filled(apiserver, 1)
    token = kubeconfig.with_name("token")
    token.write_text(apiserver.token + "\n", "utf-8")
    content = yaml.safe_load(kubeconfig.read_text("utf-8"))
    content["users"][0]["user"] = {"tokenFile": "token"}
    kubeconfig.write_text(yaml.safe_dump(content), "utf-8")
    listed(lake, kubeconfig)


@pytest.fixture
def pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the service account of a pod is mounted; the environment is given to each command."""
    folder = tmp_path / "serviceaccount"
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(folder / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(folder / "ca.crt"))
    return folder


def pod_environ(server: ApiServer) -> dict[str, str]:
    """What the kubelet sets in a pod."""
    return {
        "KUBERNETES_SERVICE_HOST": "127.0.0.1",
        "KUBERNETES_SERVICE_PORT": str(server.port),
        "HOME": "/nonexistent",
    }


def test_pod_uses_its_service_account(pod: Path, lake: Path) -> None:
    """In a pod the mounted account is used, over TLS, and the cluster is named by the operator."""
    with ApiServer(tls=True) as server:
        server.service_account(pod)
        filled(server, 2)
        environ = {**pod_environ(server), "EVENTLAKE_CLUSTER": "prod"}
        done = eventlake("--lake", lake, "snapshot", environ=environ)
        assert done.code == 0, done.err
    assert rows(lake, "select cluster, count(*) as states from observations group by 1") == [
        {"cluster": "prod", "states": 2}
    ]


def test_pod_cannot_name_its_cluster(pod: Path, lake: Path) -> None:
    """Without a name the command says how to give one, and nothing is asked or written."""
    with ApiServer(tls=True) as server:
        server.service_account(pod)
        done = eventlake("--lake", lake, "snapshot", environ=pod_environ(server))
        assert server.requests == []
    assert done.code == 2
    assert "--cluster NAME, EVENTLAKE_CLUSTER or cluster:" in done.sentence
    assert not lake.exists()


def test_pod_without_a_token_is_in_the_ledger(pod: Path, lake: Path) -> None:
    """A pod that mounts no token fails in one sentence, and the ledger of its cluster says why."""
    with ApiServer(tls=True) as server:
        server.service_account(pod)
        (pod / "token").unlink()
        environ = pod_environ(server)
        done = eventlake("--lake", lake, "--cluster", "prod", "snapshot", environ=environ)
    assert done.code == 3
    assert done.sentence == (
        "the pod's service account cannot be used: Service token file does not exist."
    )
    (row,) = ledger(lake)
    assert (row["status"], row["error"]) == ("failed", done.sentence)


def test_cluster_is_named_by_option_configuration_or_kubeconfig(
    apiserver: ApiServer, kubeconfig: Path, lake: Path, tmp_path: Path
) -> None:
    """--cluster wins over the configuration, which wins over the kubeconfig's name."""
    filled(apiserver, 1)
    config = tmp_path / "eventlake.yaml"
    config.write_text("cluster: from-config\n", "utf-8")
    options = ("--config", str(config))
    listed(lake, kubeconfig)
    listed(lake, kubeconfig, cluster=options)
    listed(lake, kubeconfig, cluster=(*options, "--cluster", "arn:aws:eks:eu-1:0:cluster/x"))
    found = [
        row["cluster"] for row in rows(lake, "select distinct cluster from snapshots order by 1")
    ]
    assert found == ["arn:aws:eks:eu-1:0:cluster/x", "fake", "from-config"]

"""The manifest: what Kubernetes' schemas, Pod Security and our own parser say about cronjob.yaml."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from etl.cli import cli
from etl.config.read import load

MANIFEST = Path(__file__).parents[2] / "cronjob.yaml"
CONFIG_PATH = "/etc/eventlake/config/eventlake.yaml"
# The first whose schema is right about podFailurePolicy, one between, and the newest known.
VERSIONS = ("1.29", "1.33", kubernetes_validate.latest_version())
INTERVAL = 600


def switched_on(text: str) -> str:
    """Take the mark off commented-out YAML: a comment that is not one space and a word."""
    return re.sub(r"^( *)#(?! \S|$)", r"\1", text, flags=re.MULTILINE)


def section(kind: str) -> str:
    """Return the part of the manifest that holds the object of ``kind``, switched on or not."""
    parts = re.split(r"^#?---$", MANIFEST.read_text("utf-8"), flags=re.MULTILINE)
    return next(part for part in parts if re.search(rf"^#?kind: {kind}$", part, re.MULTILINE))


def documents() -> list[dict[str, Any]]:
    """Return the objects that ``kubectl apply`` would see."""
    return [d for d in yaml.safe_load_all(MANIFEST.read_text("utf-8")) if d]


def one(kind: str) -> dict[str, Any]:
    """Return the manifest's only object of ``kind``."""
    (found,) = [d for d in documents() if d["kind"] == kind]
    return found


def namespaced_roles() -> list[dict[str, Any]]:
    """Return the commented-out Role and RoleBinding, switched on."""
    return [yaml.safe_load(switched_on(section(kind))) for kind in ("Role", "RoleBinding")]


def job() -> dict[str, Any]:
    """Return the spec of the Job."""
    spec: dict[str, Any] = one("CronJob")["spec"]["jobTemplate"]["spec"]
    return spec


def pod() -> dict[str, Any]:
    """Return the spec of the pod."""
    spec: dict[str, Any] = job()["template"]["spec"]
    return spec


def container() -> dict[str, Any]:
    """Return the only container."""
    (found,) = pod()["containers"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_passes_the_schemas_of_kubernetes(version: str) -> None:
    """Each object of the manifest is valid, without unknown fields, in old and new versions."""
    for document in [*documents(), *namespaced_roles()]:
        kubernetes_validate.validate(document, version, strict=True)


def test_the_manifest_holds_what_the_job_needs_in_the_order_to_create_it() -> None:
    """One file is enough, and a namespace comes before what lies in it."""
    assert [d["kind"] for d in documents()] == [
        "Namespace",
        "ServiceAccount",
        "ClusterRole",
        "ClusterRoleBinding",
        "ConfigMap",
        "PersistentVolumeClaim",
        "CronJob",
    ]
    cluster_wide = {"Namespace", "ClusterRole", "ClusterRoleBinding"}
    for document in documents():
        wanted = None if document["kind"] in cluster_wide else "eventlake"
        assert document["metadata"].get("namespace") == wanted


def test_the_account_may_list_events_and_nothing_else() -> None:
    """The rights are one verb on one resource, cluster-wide or in namespaces."""
    only_events = [{"apiGroups": [""], "resources": ["events"], "verbs": ["list"]}]
    role, binding = namespaced_roles()
    assert one("ClusterRole")["rules"] == only_events
    assert role["rules"] == only_events
    account = {"kind": "ServiceAccount", "name": "eventlake", "namespace": "eventlake"}
    for given, kind in ((one("ClusterRoleBinding"), "ClusterRole"), (binding, "Role")):
        assert given["subjects"] == [account]
        assert (given["roleRef"]["kind"], given["roleRef"]["name"]) == (kind, "eventlake")
    assert pod()["serviceAccountName"] == one("ServiceAccount")["metadata"]["name"]


def test_runs_cannot_block_each_other_and_a_missed_one_is_caught_up() -> None:
    """Forbid, a deadline below the interval and a starting deadline of at least the interval."""
    spec = one("CronJob")["spec"]
    assert spec["schedule"] == f"3-59/{INTERVAL // 60} * * * *"
    assert spec["timeZone"] == "Etc/UTC"
    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["startingDeadlineSeconds"] >= INTERVAL
    assert job()["activeDeadlineSeconds"] < INTERVAL
    assert job()["backoffLimit"] == 2
    assert pod()["restartPolicy"] == "Never"


def test_what_a_retry_cannot_mend_is_not_retried() -> None:
    """Wrong configuration and a receiver that is down end the Job at once."""
    rule = job()["podFailurePolicy"]["rules"][0]
    assert rule["action"] == "FailJob"
    assert rule["onExitCodes"] == {
        "containerName": container()["name"],
        "operator": "In",
        "values": [2, 5],
    }


def test_the_pod_passes_the_restricted_level_of_pod_security() -> None:
    """Every control of the level that the namespace enforces holds, field by field."""
    labels = one("Namespace")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    allowed = {"configMap", "secret", "emptyDir", "persistentVolumeClaim", "projected"}
    assert all(set(volume) - {"name"} <= allowed for volume in pod()["volumes"])
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod())
    inherited = pod()["securityContext"]
    assert inherited["runAsNonRoot"] is True
    assert inherited.get("runAsUser", 1) != 0
    assert inherited["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container()["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not any("hostPort" in port for port in container().get("ports", []))


def test_the_image_runs_as_a_number_and_without_a_shell() -> None:
    """RunAsNonRoot needs a numeric user, and args reach the command as they are."""
    lines = (MANIFEST.parent / "Dockerfile").read_text("utf-8").splitlines()
    assert "USER 65532:65532" in lines
    assert 'ENTRYPOINT ["/opt/eventlake/bin/eventlake"]' in lines
    assert pod()["securityContext"]["fsGroup"] == 65532
    assert "command" not in container()


def test_memory_is_bounded_and_cpu_is_asked_for() -> None:
    """The scheduler knows what a run needs, and a node is never starved by it."""
    assert set(container()["resources"]["requests"]) == {"cpu", "memory"}
    assert "memory" in container()["resources"]["limits"]


def test_each_mount_has_its_volume_and_each_volume_its_source() -> None:
    """Volumes and mounts pair up, and name objects of this manifest or an optional Secret."""
    volumes = {volume["name"]: volume for volume in pod()["volumes"]}
    mounts = {mount["name"]: mount["mountPath"] for mount in container()["volumeMounts"]}
    assert set(volumes) == set(mounts)
    assert volumes["config"]["configMap"]["name"] == one("ConfigMap")["metadata"]["name"]
    claim = volumes["data"]["persistentVolumeClaim"]["claimName"]
    assert claim == one("PersistentVolumeClaim")["metadata"]["name"]
    assert volumes["receivers"]["secret"]["optional"] is True
    # The root file system is read-only, and DuckDB and Python need a place to spill to.
    assert mounts["tmp"] == "/tmp"  # noqa: S108 - a path in the pod, not here


def test_the_mounted_files_are_those_that_are_named() -> None:
    """The configuration lies where --config looks, and receivers' files in the Secret's mount."""
    mounts = {mount["name"]: mount["mountPath"] for mount in container()["volumeMounts"]}
    assert f"--config={CONFIG_PATH}" in container()["args"]
    (name,) = one("ConfigMap")["data"]
    assert f"{mounts['config']}/{name}" == CONFIG_PATH
    for path in re.findall(r"url_file: (\S+)", section("ConfigMap")):
        assert path.startswith(mounts["receivers"] + "/")
    lake = next(arg.partition("=")[2] for arg in container()["args"] if "--lake" in arg)
    assert lake.startswith(mounts["data"] + "/")


def configurations() -> list[str]:
    """Return the configuration as it stands and with all its commented-out settings on."""
    texts = [section("ConfigMap"), switched_on(section("ConfigMap"))]
    return [yaml.safe_load(text)["data"]["eventlake.yaml"] for text in texts]


@pytest.mark.parametrize("text", configurations(), ids=["as it stands", "all switched on"])
def test_the_configuration_is_read_without_a_mistake(text: str, tmp_path: Path) -> None:
    """What the ConfigMap holds, also the settings it only offers, is a configuration of ours."""
    path = tmp_path / "eventlake.yaml"
    path.write_text(text, "utf-8")
    settings = load(path, environ={})
    assert settings.cluster
    assert settings.source.interval.total_seconds() == INTERVAL
    assert settings.receivers[0].name == "log"


def test_our_own_parser_takes_the_arguments_of_the_container() -> None:
    """The args name an existing command with existing options, and env only known variables."""
    with cli.make_context("eventlake", list(container()["args"])) as context:
        assert context.params["config"] == CONFIG_PATH
        rest = [*context._protected_args, *context.args]  # noqa: SLF001 - the command's name
        name, command, options = cli.resolve_command(context, rest)
        assert name == "run"
        assert command
        with command.make_context(name, options, parent=context) as inner:
            assert not inner.args
    known = {option.envvar for option in cli.params}
    assert {entry["name"] for entry in container().get("env", [])} <= known

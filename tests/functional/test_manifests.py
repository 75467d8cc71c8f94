"""The manifests: what kustomize, Kubernetes' schemas, Pod Security, the bench and our own parser say about them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from bench.figures import LIMITS
from etl.cli import cli
from etl.config.read import load
from etl.lake.shard import Shard
from etl.timespan import Duration
from tests.lib import manifests, pod_security

INDEX = "JOB_COMPLETION_INDEX"
CONFIG_PATH = "/etc/eventlake/config/eventlake.yaml"
# The first whose schema is right about podFailurePolicy, one between, and the newest known.
VERSIONS = ("1.29", "1.33", kubernetes_validate.latest_version())
FOLDERS = [manifests.BASE, *manifests.OVERLAYS]
CLUSTER_WIDE = {"Namespace", "PriorityClass", "ClusterRole", "ClusterRoleBinding"}
ACCOUNT = {"kind": "ServiceAccount", "name": "eventlake", "namespace": "eventlake"}
every_folder = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


def of_kind(folder: Path, *kinds: str) -> list[dict[str, Any]]:
    """Return the objects of some kinds that a kustomization makes."""
    return [found for found in manifests.kept(folder) if found["kind"] in kinds]


def pods(folder: Path) -> Iterator[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]]:
    """Yield the pods that a kustomization makes: what makes them, their spec, their container."""
    for owner in of_kind(folder, "CronJob", "Deployment"):
        spec = owner["spec"]
        template = (spec["jobTemplate"]["spec"] if "jobTemplate" in spec else spec)["template"]
        (container,) = template["spec"]["containers"]
        yield owner, template["spec"], container


def asking() -> dict[str, Any]:
    """Return the pod that the plugin of kubectl starts."""
    found: dict[str, Any] = yaml.safe_load(manifests.POD.read_text("utf-8"))
    return found


def mebibytes(quantity: str) -> int:
    """Return how many MiB a quantity of memory is."""
    number, unit = int(quantity[:-2]), quantity[-2:]
    return number * {"Mi": 1, "Gi": 1024}[unit]


def test_the_one_file_is_what_the_base_renders() -> None:
    """cronjob.yaml holds the base's files in their order, and kubectl makes the same objects of the base."""
    text = manifests.MANIFEST.read_text("utf-8")
    assert text == manifests.concatenated(), "run: python -m tests.lib.manifests"
    rendered = manifests.in_order(manifests.rendered(manifests.BASE))
    assert manifests.in_order(manifests.documents(text)) == rendered


@every_folder
def test_what_is_kept_is_what_kubectl_renders(folder: Path) -> None:
    """The renderings that these tests look at are those of the files as they are now."""
    assert manifests.fingerprint() in (manifests.RENDERED / "SOURCE.txt").read_text("utf-8"), (
        "run: python -m tests.lib.manifests"
    )
    # An old kubectl, as in Debian 12, knows no batch/v1 CronJob to patch; the digest above says enough.
    if folder == manifests.BASE or manifests.can_patch():
        now = manifests.in_order(manifests.rendered(folder))
        assert manifests.in_order(manifests.kept(folder)) == now


@pytest.mark.parametrize("version", VERSIONS)
@every_folder
def test_every_object_passes_the_schemas_of_kubernetes(folder: Path, version: str) -> None:
    """Each object is valid, without unknown fields, in old and new versions."""
    for document in manifests.kept(folder):
        kubernetes_validate.validate(document, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_switched_on_and_what_asks_pass_them_too(version: str) -> None:
    """The base with everything in comments switched on, web identity, and what the plugin needs."""
    texts = [manifests.switched_on(manifests.concatenated())]
    texts += [
        manifests.switched_on(path.read_text("utf-8"))
        for path in (
            manifests.POD,
            manifests.POD.with_name("role.yaml"),
            manifests.DEPLOY / "bucket" / "serviceaccount.yaml",
        )
    ]
    found = [document for text in texts for document in manifests.documents(text)]
    job = next(document for document in found if document["kind"] == "CronJob")
    assert "tolerations" in job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    for document in found:
        kubernetes_validate.validate(document, version, strict=True)


@every_folder
def test_objects_are_where_they_belong_and_come_in_an_order(folder: Path) -> None:
    """A namespace comes before what lies in it, and namespaced objects name theirs."""
    for document in manifests.kept(folder):
        own = document["metadata"].get("namespace")
        assert (own is None) == (document["kind"] in CLUSTER_WIDE), document["metadata"]
    kinds = [document["kind"] for document in manifests.documents(manifests.concatenated())]
    assert kinds[0] == "Namespace"
    assert kinds[-1] == "CronJob"


def test_a_namespace_is_enough() -> None:
    """Without rights on the whole cluster nothing of it is asked for, and Roles are where events are read."""
    overlay = manifests.DEPLOY / "overlays" / "namespaces"
    assert not of_kind(overlay, *CLUSTER_WIDE)
    assert all("priorityClassName" not in pod for _, pod, _ in pods(overlay))
    settings = yaml.safe_load(of_kind(overlay, "ConfigMap")[0]["data"]["eventlake.yaml"])
    for kind in ("Role", "RoleBinding"):
        places = [found["metadata"]["namespace"] for found in of_kind(overlay, kind)]
        assert sorted(places) == sorted(settings["source"]["namespaces"])


@every_folder
def test_the_account_may_list_events_and_nothing_else(folder: Path) -> None:
    """The rights are one verb on one resource, cluster-wide or in namespaces."""
    for role in of_kind(folder, "ClusterRole", "Role"):
        assert role["rules"] == [{"apiGroups": [""], "resources": ["events"], "verbs": ["list"]}]
    bindings = of_kind(folder, "ClusterRoleBinding", "RoleBinding")
    # Who reads other clusters by their kubeconfigs has no rights in this one, and no token.
    lists = [
        pod["automountServiceAccountToken"]
        for _, pod, container in pods(folder)
        if command_of(container)[0] in {"run", "schedule", "snapshot"}
    ]
    assert all(token is bool(bindings) for token in lists)
    tokens = [pod["automountServiceAccountToken"] for _, pod, _ in pods(folder)]
    assert sum(tokens) == sum(lists), "what lists nothing needs no token"
    for binding in bindings:
        assert binding["subjects"] == [ACCOUNT]
        kind = binding["kind"].removesuffix("Binding")
        assert (binding["roleRef"]["kind"], binding["roleRef"]["name"]) == (kind, "eventlake")
    assert [found["metadata"]["name"] for found in of_kind(folder, "ServiceAccount")] == [
        "eventlake"
    ]
    assert {pod["serviceAccountName"] for _, pod, _ in pods(folder)} == {"eventlake"}


@every_folder
def test_runs_cannot_block_each_other_and_a_missed_one_is_caught_up(folder: Path) -> None:
    """Forbid, a deadline and a grace period below the interval, a starting deadline of at least it."""
    for owner in of_kind(folder, "CronJob"):
        spec, job = owner["spec"], owner["spec"]["jobTemplate"]["spec"]
        interval = interval_of(spec["schedule"])
        grace = job["template"]["spec"].get("terminationGracePeriodSeconds", 30)
        assert job["activeDeadlineSeconds"] + grace < interval
        assert spec["startingDeadlineSeconds"] >= interval
        assert (spec["timeZone"], spec["concurrencyPolicy"]) == ("Etc/UTC", "Forbid")
        # Off the full hour, and off the minutes when everything that says */5 starts.
        first = int(re.split(r"[-\s]", spec["schedule"])[0])
        assert first % 5
        # What has shares counts failures for each: one that fails must not use up the others' tries.
        per_share = job.get("completionMode") == "Indexed"
        assert job["backoffLimitPerIndex" if per_share else "backoffLimit"] == 2
        assert ("backoffLimit" in job) is not per_share
        assert job["template"]["spec"]["restartPolicy"] == "Never"


def interval_of(schedule: str) -> int:
    """Return the seconds between two runs of a schedule such as ``3-59/10 * * * *``, ``21 * * * *`` or ``21 5 * * *``."""
    minute, hour, *rest = schedule.split()
    assert rest == ["*"] * 3
    if hour != "*":
        assert minute.isdecimal()
        assert hour.isdecimal()
        return 24 * 60 * 60
    return 60 * int(minute.partition("/")[2] or 60)


def test_each_pod_of_an_indexed_job_has_a_share_of_its_own() -> None:
    """Kubernetes writes the pod's index into the argument; there are as many shares as completions, sealed one day at a time."""
    overlay = manifests.DEPLOY / "overlays" / "sealing"
    ((owner, _, container),) = pods(overlay)
    job = owner["spec"]["jobTemplate"]["spec"]
    assert (job["completionMode"], job["parallelism"] <= job["completions"]) == ("Indexed", True)
    (index,) = [entry for entry in container["env"] if entry["name"] == INDEX]
    annotation = index["valueFrom"]["fieldRef"]["fieldPath"]
    assert annotation == "metadata.annotations['batch.kubernetes.io/job-completion-index']"
    command, parallel, shard = command_of(container)
    assert (command, parallel) == ("seal", "--parallel=1")
    total = int(shard.rpartition("/")[2])
    assert total == job["completions"]
    mine = [
        [as_kubernetes(word, str(number)) for word in container["args"]] for number in range(total)
    ]
    shards = {Shard.parse(words[-1].partition("=")[2]) for words in mine}
    assert shards == {Shard(number, total) for number in range(total)}
    # Due from two o'clock on, with three hours of TTL from four.
    assert int(owner["spec"]["schedule"].split()[1]) > 4


def test_what_stays_is_one_and_is_started_anew_when_it_is_stuck() -> None:
    """Never two beside each other; the probe looks at the file that is touched; what runs may end."""
    overlay = manifests.DEPLOY / "overlays" / "schedule"
    ((owner, pod, container),) = pods(overlay)
    assert (owner["kind"], owner["spec"]["replicas"]) == ("Deployment", 1)
    assert owner["spec"]["strategy"] == {"type": "Recreate"}
    (alive,) = [arg.partition("=")[2] for arg in container["args"] if arg.startswith("--alive=")]
    probe = container["livenessProbe"]["exec"]["command"]
    assert repr(alive) in probe[-1]
    assert probe[0] == asking()["spec"]["containers"][0]["command"][0]
    settings = yaml.safe_load(of_kind(overlay, "ConfigMap")[0]["data"]["eventlake.yaml"])
    grace = Duration.parse(settings["schedule"]["grace"]).total_seconds()
    assert grace + 5 <= pod["terminationGracePeriodSeconds"]


@pytest.mark.parametrize(("age", "code"), [(5, 0), (90, 1)], ids=["touched", "stuck"])
def test_the_probe_tells_what_is_stuck(age: int, code: int, tmp_path: Path) -> None:
    """The probe's own words, with the file elsewhere: a minute without a touch is a failure."""
    ((_, _, container),) = pods(manifests.DEPLOY / "overlays" / "schedule")
    file = tmp_path / "alive"
    file.touch()
    os.utime(file, (time.time() - age, time.time() - age))
    words = container["livenessProbe"]["exec"]["command"][1:]
    words[-1] = words[-1].replace("'/tmp/alive'", repr(str(file)))
    assert subprocess.run([sys.executable, *words], check=False).returncode == code


@every_folder
def test_what_a_retry_cannot_mend_is_not_retried(folder: Path) -> None:
    """Wrong configuration, a receiver that is down, and some of several clusters end the Job at once."""
    for owner in of_kind(folder, "CronJob"):
        rule = owner["spec"]["jobTemplate"]["spec"]["podFailurePolicy"]["rules"][0]
        assert rule["action"] == "FailJob"
        assert rule["onExitCodes"] == {
            "containerName": "eventlake",
            "operator": "In",
            "values": [2, 5, 6],
        }


@every_folder
def test_the_pods_pass_the_restricted_level_and_have_good_habits(folder: Path) -> None:
    """What the namespace enforces holds, and what linters ask for beside it."""
    for _, pod, _ in pods(folder):
        assert list(pod_security.violations(pod)) == []
        assert list(pod_security.bad_habits(pod)) == []
    for namespace in of_kind(folder, "Namespace"):
        labels = namespace["metadata"]["labels"]
        assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_pod_that_asks_passes_it_too_and_gets_no_token() -> None:
    """It reads the volume and has no account to speak with."""
    pod = asking()["spec"]
    assert list(pod_security.violations(pod)) == []
    assert list(pod_security.bad_habits(pod)) == []
    assert pod["automountServiceAccountToken"] is False
    assert all(
        mount.get("readOnly")
        for mount in pod["containers"][0]["volumeMounts"]
        if mount["name"] != "tmp"
    )
    assert pod["activeDeadlineSeconds"] < interval_of("3-59/10 * * * *")


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("hostNetwork",), True, "hostNetwork"),
        (("securityContext", "runAsNonRoot"), None, ""),
        (("securityContext", "seccompProfile"), None, "eventlake: seccompProfile None"),
        (
            ("containers", 0, "securityContext", "allowPrivilegeEscalation"),
            True,
            "eventlake: allowPrivilegeEscalation",
        ),
        (
            ("containers", 0, "securityContext", "capabilities"),
            {"add": ["SYS_ADMIN"]},
            "eventlake: capabilities are not dropped",
        ),
        (("volumes", 0), {"name": "h", "hostPath": {"path": "/"}}, "volume h of type hostPath"),
        (("containers", 0, "image"), "eventlake", "eventlake is another image tomorrow"),
        (("containers", 0, "resources"), {}, "eventlake: no memory in limits"),
    ],
    ids=lambda value: value[-1] if isinstance(value, tuple) and len(value) > 1 else "",
)
def test_the_linter_would_notice(path: tuple[Any, ...], value: object, said: str) -> None:
    """A pod that is made worse in one place is told so; what the container says itself stands for the pod's word."""
    pod = asking()["spec"]
    inner: Any = pod
    for key in path[:-1]:
        inner = inner[key]
    if value is None:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    found = [*pod_security.violations(pod), *pod_security.bad_habits(pod)]
    assert any(said in line for line in found) if said else not found


def test_the_image_runs_as_a_number_and_without_a_shell() -> None:
    """RunAsNonRoot needs a numeric user, and args reach the command as they are."""
    lines = (manifests.ROOT / "Dockerfile").read_text("utf-8").splitlines()
    assert "USER 65532:65532" in lines
    assert 'ENTRYPOINT ["/opt/eventlake/bin/eventlake"]' in lines
    for folder in FOLDERS:
        for _, pod, container in pods(folder):
            # OpenShift fills the group in, and refuses one that it did not choose.
            wanted = None if folder.name == "openshift" else 65532
            assert pod["securityContext"].get("fsGroup") == wanted
            assert "command" not in container
    assert asking()["spec"]["containers"][0]["command"][0] == "/opt/eventlake/bin/python"


# Peak memory of what each command does at most, by the bench; deliver opens no lake but its outbox.
PEAKS = {
    "run": ("snapshot_500k_peak_mb", "seal_3m_peak_mb"),
    "schedule": ("snapshot_500k_peak_mb", "seal_3m_peak_mb"),
    "snapshot": ("snapshot_500k_peak_mb",),
    "seal": ("seal_3m_peak_mb",),
    "retention": ("seal_3m_peak_mb",),
    "digest": (),
    "deliver": (),
}


@every_folder
def test_the_bench_supports_the_memory_that_each_job_may_take(folder: Path) -> None:
    """A limit is above what the bench allows the job's steps to take, and a request at most the limit."""
    for _, _, container in pods(folder):
        limit = mebibytes(container["resources"]["limits"]["memory"])
        assert mebibytes(container["resources"]["requests"]["memory"]) <= limit
        command = command_of(container)[0]
        peaks = [LIMITS[figure].value for figure in PEAKS[command]]
        # A process that stays takes snapshots while it seals.
        assert (sum(peaks) if command == "schedule" else max(peaks, default=0)) < limit
        # What evaluates or draws asks statements of its own: their memory and as much again.
        if command in {"run", "digest", "schedule"}:
            settings = yaml.safe_load(of_kind(folder, "ConfigMap")[0]["data"]["eventlake.yaml"])
            assert settings["sql"]["memory"] == "1GB"
            assert limit >= 2 * 1024


@every_folder
def test_each_mount_has_its_volume_and_each_volume_its_source(folder: Path) -> None:
    """Volumes and mounts pair up, and name objects of the same rendering or an optional Secret."""
    claims = {found["metadata"]["name"] for found in of_kind(folder, "PersistentVolumeClaim")}
    for _, pod, container in pods(folder):
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        assert set(volumes) == set(mounts)
        assert volumes["config"]["configMap"]["name"] == "eventlake"
        used = {
            v["persistentVolumeClaim"]["claimName"] for v in volumes.values() if "data" in v["name"]
        }
        assert used == claims
        needed = {
            n for n, v in volumes.items() if "secret" in v and not v["secret"].get("optional")
        }
        assert needed <= {"kubeconfigs"}
        # The root file system is read-only, and DuckDB and Python need a place to spill to.
        assert mounts["tmp"] == "/tmp"  # noqa: S108 - a path in the pod, not here


@every_folder
def test_a_volume_is_written_by_one_job_and_shared_on_one_node(folder: Path) -> None:
    """Two jobs never fight over a volume that one node may write; over a bucket they may be many."""
    jobs = list(pods(folder))
    with_volume = [pod for _, pod, _ in jobs if any(v["name"] == "data" for v in pod["volumes"])]
    assert len(with_volume) in {0, len(jobs)}
    if with_volume:
        assert len(jobs) == 1
        (owner, pod, _) = jobs[0]
        assert pod["affinity"] == asking()["spec"]["affinity"]
        (term,) = pod["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        job = owner["spec"].get("jobTemplate", owner)["spec"]["template"]["metadata"]["labels"]
        for labels in (job, asking()["metadata"]["labels"]):
            assert term["labelSelector"]["matchLabels"].items() <= labels.items()
    else:
        assert all("affinity" not in pod for _, pod, _ in jobs)


@every_folder
def test_the_network_lets_a_run_out_to_what_it_needs_and_nobody_in(folder: Path) -> None:
    """Names, the API server and https go out of the job's pods; nothing comes in, nothing else is open."""
    policies = {
        found["metadata"]["name"]: found["spec"] for found in of_kind(folder, "NetworkPolicy")
    }
    for owner, _, _ in pods(folder):
        labels = owner["spec"].get("jobTemplate", owner)["spec"]["template"]["metadata"]["labels"]
        assert policies["eventlake"]["podSelector"]["matchLabels"].items() <= labels.items()
    for spec in policies.values():
        assert sorted(spec["policyTypes"]) == ["Egress", "Ingress"]
        assert "ingress" not in spec
    ports = {port["port"] for rule in policies["eventlake"]["egress"] for port in rule["ports"]}
    assert {53, 443, 6443} <= ports <= {53, 443, 5353, 6443}
    if asks := policies.get("eventlake-ask"):
        assert asks["podSelector"]["matchLabels"] == asking()["metadata"]["labels"]
        assert "egress" not in asks
    assert bool(asks) == bool(of_kind(folder, "PersistentVolumeClaim"))


def as_kubernetes(word: str, index: str) -> str:
    """Return an argument as a pod of an Indexed Job gets it."""
    return word.replace(f"$({INDEX})", index)


def command_of(container: dict[str, Any]) -> list[str]:
    """Return the command and its options, behind the global ones; our own parser reads them."""
    given = [as_kubernetes(word, "0") for word in container["args"]]
    with cli.make_context("eventlake", given) as context:
        assert context.params["config"] == CONFIG_PATH
        rest = [*context._protected_args, *context.args]  # noqa: SLF001 - the command's name
        name, command, options = cli.resolve_command(context, rest)
        assert command
        with command.make_context(name, options, parent=context) as inner:
            assert not inner.args
    known = {option.envvar for option in cli.params}
    # What the cloud's own libraries look up, and what Kubernetes writes into arguments.
    known |= {"AWS_REGION", INDEX}
    assert {entry["name"] for entry in container.get("env", [])} <= known
    return rest


@every_folder
def test_our_own_parser_takes_the_arguments_of_every_container(folder: Path) -> None:
    """The args name an existing command with existing options, env only known variables, paths what is mounted."""
    for _, _, container in pods(folder):
        command_of(container)
        mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        (name,) = of_kind(folder, "ConfigMap")[0]["data"]
        assert f"{mounts['config']}/{name}" == CONFIG_PATH
        lakes = [arg.partition("=")[2] for arg in container["args"] if "--lake" in arg]
        assert all(lake.startswith(mounts["data"] + "/") for lake in lakes)
        assert bool(lakes) == ("data" in mounts)


def configurations() -> list[tuple[str, str, str]]:
    """Return every configuration below deploy/, as it stands and with all its commented-out settings on."""
    found = []
    for path in sorted(manifests.DEPLOY.rglob("configmap.yaml")):
        text = path.read_text("utf-8")
        for what, said in (("as it stands", text), ("all on", manifests.switched_on(text))):
            config = yaml.safe_load(said)["data"]["eventlake.yaml"]
            found.append((path.parent.name, what, config))
    return found


@pytest.mark.parametrize(
    ("where", "what", "text"), configurations(), ids=[f"{w}-{h}" for w, h, _ in configurations()]
)
def test_every_configuration_is_read_without_a_mistake(
    where: str, what: str, text: str, tmp_path: Path
) -> None:
    """What a ConfigMap holds, also the settings it only offers, is a configuration of ours."""
    path = tmp_path / "eventlake.yaml"
    path.write_text(text, "utf-8")
    settings = load(path, environ={})
    assert settings.cluster_names
    assert settings.receivers
    for cluster in settings.clusters:
        assert str(cluster.kubeconfig).startswith("/etc/eventlake/kubeconfigs/")
    if what == "all on" and where == "common":
        assert settings.source.namespaces
        assert len(settings.receivers) == 3
        assert settings.digest.external_url
    for file in re.findall(r"(?:url|access_key|_id|_key)_file: (\S+)", text):
        assert file.startswith(("/etc/eventlake/receivers/", "/etc/eventlake/storage/"))


@every_folder
def test_the_configuration_knows_the_schedule_and_the_lake(folder: Path) -> None:
    """The interval that coverage is told is the one of the CronJob that lists, and a bucket is named where there is no volume."""
    settings = yaml.safe_load(of_kind(folder, "ConfigMap")[0]["data"]["eventlake.yaml"])
    for owner, _, container in pods(folder):
        if owner["kind"] == "CronJob" and command_of(container)[0] in {"run", "snapshot"}:
            interval = interval_of(owner["spec"]["schedule"])
            assert Duration.parse(settings["source"]["interval"]).total_seconds() == interval
    on_volume = bool(of_kind(folder, "PersistentVolumeClaim"))
    assert ("lake" in settings) != on_volume
    # A page on a disk that ends with the pod would be drawn anew by each run, for nobody.
    assert settings.get("report", {}).get("page", True) is on_volume

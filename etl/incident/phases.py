"""What an event means for the life of its object, in a word: scheduled, pulling, probe failing, killed.

A word per reason, where the message decides between several of one reason: kubelets say
``BackOff`` of an image and of a container, and ``Failed`` of nearly everything. A reason
without a word is its own. The order of the words is the order of a pod's life; events of
one second are told in it, because recorders cut their times to the second.
"""

from __future__ import annotations

import re

# reason: phase, in the order in which they follow each other in one second.
_PHASES: dict[str, str] = {
    "ScalingReplicaSet": "scaled",
    "SuccessfulRescale": "scaled",
    "SawCompletedJob": "job done",
    "SuccessfulCreate": "created",
    "FailedCreate": "create failing",
    "WaitForFirstConsumer": "volume waiting",
    "ExternalProvisioning": "volume waiting",
    "Provisioning": "volume waiting",
    "ProvisioningFailed": "volume failing",
    "ProvisioningSucceeded": "volume ready",
    "FailedBinding": "volume failing",
    "NotTriggerScaleUp": "no new node",
    "TriggeredScaleUp": "new node asked",
    "FailedScheduling": "not scheduled",
    "Scheduled": "scheduled",
    "Nominated": "scheduled",
    "FailedAttachVolume": "volume failing",
    "SuccessfulAttachVolume": "volume ready",
    "FailedMount": "volume failing",
    "FailedMapVolume": "volume failing",
    "SuccessfulMountVolume": "volume ready",
    "FailedCreatePodSandBox": "sandbox failing",
    "FailedCreatePodContainer": "start failing",
    "NetworkNotReady": "network down",
    "SandboxChanged": "sandbox changed",
    "Pulling": "pulling",
    "InspectFailed": "image failing",
    "ErrImageNeverPull": "image failing",
    "Pulled": "pulled",
    "Created": "container created",
    "FailedPostStartHook": "hook failing",
    "Started": "started",
    "Unhealthy": "probe failing",
    "ProbeError": "probe failing",
    "ProbeWarning": "probe warning",
    "FailedPreStopHook": "hook failing",
    "Starting": "starting",
    "NodeAllocatableEnforced": "node set up",
    "RegisteredNode": "node registered",
    "NodeHasNoDiskPressure": "node healthy",
    "NodeHasSufficientDisk": "node healthy",
    "NodeHasSufficientMemory": "node healthy",
    "NodeHasSufficientPID": "node healthy",
    "NodeNotReady": "node down",
    "NodeReady": "node ready",
    "Rebooted": "node rebooted",
    "EvictionThresholdMet": "node short",
    "NodeHasDiskPressure": "node short",
    "NodeHasInsufficientMemory": "node short",
    "NodeHasInsufficientPID": "node short",
    "SystemOOM": "out of memory",
    "OOMKilling": "out of memory",
    "TaintManagerEviction": "evicted",
    "Evicted": "evicted",
    "Preempted": "preempted",
    "Preempting": "preempted",
    "Killing": "killing",
    "ExceededGracePeriod": "killing",
    "FailedKillPod": "kill failing",
    "SuccessfulDelete": "deleted",
    "BackoffLimitExceeded": "given up",
    "DeadlineExceeded": "given up",
    "Completed": "done",
}
_IMAGE = re.compile(r"image|ErrImagePull|ImagePullBackOff|pull", re.IGNORECASE)
_PROBE = re.compile(r"(Liveness|Readiness|Startup) probe", re.IGNORECASE)
SEQUENCE = [*_PHASES, "Failed", "BackOff"]


def phase(reason: str, message: str) -> str:
    """Return the word for an event, the reason itself where there is none."""
    if reason == "BackOff":
        return "image failing" if _IMAGE.search(message) else "crash looping"
    if reason == "Failed":
        return "image failing" if _IMAGE.search(message) else "start failing"
    if reason in {"Unhealthy", "ProbeError"} and (found := _PROBE.match(message)):
        return f"{found[1].lower()} failing"
    return _PHASES.get(reason, reason)

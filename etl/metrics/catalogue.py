"""Every metric that eventlake exposes: its name, kind, labels and meaning; nothing else may be exposed.

Names follow Prometheus' conventions: base units, ``_total`` for counters, a timestamp in
place of an age. All have the label ``cluster`` first; it is empty for what is about no
single one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """One family: ``help`` is a sentence, ``labels`` are those beside ``cluster``."""

    name: str
    kind: Literal["gauge", "counter"]
    help: str
    labels: tuple[str, ...] = ()

    @property
    def label_names(self) -> tuple[str, ...]:
        """All labels, ``cluster`` first."""
        return ("cluster", *self.labels)


def _gauge(name: str, sentence: str, *labels: str) -> Metric:
    return Metric(name, "gauge", sentence, labels)


def _counter(name: str, sentence: str, *labels: str) -> Metric:
    return Metric(name, "counter", sentence, labels)


METRICS: tuple[Metric, ...] = (
    _gauge("eventlake_build_info", "The version that ran; always 1.", "version"),
    _gauge("eventlake_run_timestamp_seconds", "When the command last ended.", "command"),
    _gauge(
        "eventlake_run_success_timestamp_seconds",
        "When the command last ended with exit code 0; 0 if it never did.",
        "command",
    ),
    _gauge("eventlake_run_duration_seconds", "How long the command last took.", "command"),
    _gauge("eventlake_run_exit_code", "Exit code of the command's last run.", "command"),
    _gauge("eventlake_run_peak_memory_bytes", "The most memory that the last run held.", "command"),
    _gauge(
        "eventlake_memory_limit_bytes",
        "What the control group of the last run allowed; missing where there is no limit.",
    ),
    _counter("eventlake_runs_total", "Runs by exit code.", "command", "exit_code"),
    _gauge(
        "eventlake_last_snapshot_timestamp_seconds",
        "When the newest usable snapshot was asked for: up to then nothing is missing. 0 if there is none.",
    ),
    _gauge("eventlake_snapshot_duration_seconds", "How long the newest usable snapshot took."),
    _gauge("eventlake_snapshot_pages", "Pages of the newest usable snapshot."),
    _gauge("eventlake_snapshot_received_bytes", "Bytes of it as they travelled."),
    _gauge("eventlake_snapshot_events", "Event objects that it listed."),
    _gauge("eventlake_snapshot_added_observations", "States in it that were new."),
    _gauge("eventlake_snapshot_unreadable_events", "Event objects in it that could not be read."),
    _gauge("eventlake_snapshot_failed_checks", "Checks on it that did not hold."),
    _gauge("eventlake_snapshot_interval_seconds", "How often the job runs, as configured."),
    _gauge("eventlake_event_ttl_seconds", "How long the cluster keeps an event, as configured."),
    _gauge(
        "eventlake_event_lifetime_at_least_seconds",
        "How long events were seen to live in the last day, from below.",
    ),
    _gauge(
        "eventlake_event_lifetime_at_most_seconds",
        "The same from above; missing where nothing vanished.",
    ),
    _gauge(
        "eventlake_clock_skew_seconds",
        "Our clock less the server's Date at the newest usable snapshot; a second of it means nothing.",
    ),
    _counter("eventlake_snapshots_total", "Snapshots by status.", "status"),
    _counter("eventlake_listed_events_total", "Event objects that usable snapshots listed."),
    _counter("eventlake_unreadable_events_total", "Event objects that could not be read."),
    _counter("eventlake_received_bytes_total", "Bytes of lists as they travelled."),
    _counter("eventlake_added_observations_total", "States that snapshots added to the lake."),
    _counter(
        "eventlake_occurrences_total",
        "Occurrences of events, by what the snapshots added; at most metrics.max_series of them, the rest is (other).",
        "namespace",
        "reason",
        "kind",
        "type",
    ),
    _gauge("eventlake_coverage_ratio", "The proven part of the last 24 hours, 0 to 1."),
    _gauge("eventlake_coverage_gaps", "Gaps between snapshots in the last 24 hours."),
    _gauge("eventlake_coverage_gap_seconds", "Their length together."),
    _gauge("eventlake_lake_files", "Data files of the lake.", "tree"),
    _gauge("eventlake_lake_bytes", "Their bytes.", "tree"),
    _gauge("eventlake_sealing_due", "Closed days that could be sealed and are not."),
    _gauge("eventlake_outbox_messages", "Messages in the outbox.", "state"),
    _gauge(
        "eventlake_outbox_oldest_timestamp_seconds",
        "When the oldest message that waits was made; missing where none waits.",
    ),
    _counter(
        "eventlake_deliveries_total", "Messages that came to their end.", "receiver", "outcome"
    ),
    _gauge(
        "eventlake_forward_waiting_parts", "Parts of the lake that a target did not get.", "target"
    ),
    _gauge(
        "eventlake_forward_oldest_timestamp_seconds",
        "When the oldest run began of which something waits for a target; missing where nothing waits.",
        "target",
    ),
    _gauge(
        "eventlake_forward_success_timestamp_seconds",
        "When a run last sent a target everything that waited; 0 if none ever did.",
        "target",
    ),
    _gauge(
        "eventlake_forward_dead_letters",
        "Observations that a target refused for good and that nobody sent again.",
        "target",
    ),
    _counter(
        "eventlake_forward_observations_total",
        "What became of observations: sent, passed (not meant for it), refused, deleted before it got them.",
        "target",
        "outcome",
    ),
    _gauge("eventlake_alerts", "Alerts by what the newest evaluation left.", "severity", "state"),
    _gauge("eventlake_page_timestamp_seconds", "When the page was last written."),
)
BY_NAME = {metric.name: metric for metric in METRICS}

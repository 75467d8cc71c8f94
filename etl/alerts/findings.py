"""Findings to rows: what ``eventlake check`` prints, for eyes and machines."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from etl.alerts.model import Finding
from etl.schema import TIME

FINDINGS = pa.schema(
    [
        pa.field("severity", pa.string()),
        pa.field("alert", pa.string()),
        pa.field("value", pa.float64()),
        pa.field("baseline", pa.float64()),
        pa.field("summary", pa.string()),
        pa.field("labels", pa.map_(pa.string(), pa.string())),
        pa.field("last_seen", TIME),
    ]
)


def table_of(findings: Sequence[Finding]) -> pa.Table:
    """Return one row a finding, in their order."""
    rows = [
        {
            "severity": finding.severity,
            "alert": finding.alert,
            "value": finding.value,
            "baseline": finding.baseline,
            "summary": finding.summary,
            "labels": sorted(finding.labels.items()),
            "last_seen": finding.last_seen,
        }
        for finding in findings
    ]
    return pa.Table.from_pylist(rows, schema=FINDINGS)

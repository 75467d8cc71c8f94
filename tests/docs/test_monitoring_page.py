"""docs/monitoring.md: its table is the catalogue, and its questions are asked about metrics that there are."""

from __future__ import annotations

import re

from etl.metrics.catalogue import BY_NAME
from tests.lib import metrics_table

PAGE = metrics_table.PAGE.read_text("utf-8")


def test_every_metric_is_documented_as_the_catalogue_has_it() -> None:
    """Name, type, labels and sentence of each metric stand in the page; if not, write them anew."""
    assert metrics_table.replaced(PAGE) == PAGE, "run: python -m tests.lib.metrics_table"


def test_every_metric_that_the_page_speaks_of_exists() -> None:
    """A question that a reader copies is answered."""
    assert set(re.findall(r"\beventlake_[a-z_]+", PAGE)) <= set(BY_NAME)

"""From a window of time to answers that people and programs read: reports, formats, the page.

Order of reading: ``catalogue`` (which reports there are and what each takes), ``check``
(a header held against its statement), ``run`` (a report to rows), ``coverage`` (what the
snapshots prove about those rows), ``cells`` and ``words`` (a value and its column in a
reader's terms), then the ways out: ``formats`` and ``terminal``; ``charts`` with ``bars``,
``course``, ``heatmap`` and ``paint``; ``page`` with ``section`` and ``view``.

The rule of the room: event text is a stranger's. It leaves here as data (JSON, Parquet)
or made harmless for the place where it is shown, and no way out adds to what the SQL said.
"""

"""The lake: parts and ledger on a file system, and the DuckDB views over them.

``files`` is the only seam to storage, ``layout`` the only module that knows paths,
``append`` the only one that writes observations, ``query`` the only user of DuckDB.
The format is described in docs/lake.md so that another team could write a reader.
"""

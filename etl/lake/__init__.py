"""The lake: parts and ledger in a folder or an object store, and the DuckDB views over them.

``files`` is the only seam to storage; ``objects``, ``stores``, ``ranges`` and
``filesystem`` are what it means for a bucket. ``layout`` is the only module that knows paths, ``append`` the only
one that writes observations, ``viewing`` the only one that opens DuckDB. The format is described
in docs/lake.md so that another team could write a reader.
"""

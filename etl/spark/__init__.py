"""The second engine: the same files, views and statements, asked on Spark.

``session`` is what the rest of the program knows: it answers as ``etl.lake.query.Session``
does. All that DuckDB's SQL says otherwise than Spark's is in ``dialect`` and what it uses.
"""

"""Rows of Spark's to the names and types of DuckDB's, so that nobody behind sees which engine it was."""

from __future__ import annotations

import pyarrow as pa

from etl.errors import QueryError


def fitted(found: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return the rows of ``found`` with the columns of ``schema``, one by one in their order.

    Raises ``QueryError`` where they do not fit, which would be a defect of the translation.
    """
    if found.num_columns != len(schema):
        message = f"Spark answered {found.num_columns} columns where DuckDB has {len(schema)}"
        raise QueryError(message)
    columns = [_column(found.column(place), field) for place, field in enumerate(schema)]
    return pa.table(columns, schema=schema)


def _column(values: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray:
    if values.type == field.type:
        return values
    try:
        return values.cast(field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        if not pa.types.is_nested(field.type):
            message = f"Spark answered {field.name} as {values.type} where DuckDB has {field.type}"
            raise QueryError(message) from None
    # Structures differ in the names of their parts, too.
    return pa.chunked_array([pa.array(values.to_pylist(), field.type)], field.type)

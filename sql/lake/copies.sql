-- title: Copies
-- question: What stands where in the file of merged copies, while a day is sealed?
-- The variable copies_file is that file; its places come after those of the day's own files,
-- whose number is the variable own_count.
select
    cluster,
    date,
    cast(getvariable('own_count') as bigint) * 4294967296 + file_row_number as place,
    namespace,
    name,
    uid,
    n,
    first_seen,
    last_seen,
    resource_version,
    flags,
    reason,
    object_name,
    coalesce(strlen(message), 0)
    + coalesce(strlen(cast(labels as varchar)), 0)
    + coalesce(strlen(cast(annotations as varchar)), 0) as text_bytes
from read_parquet(getvariable('copies_file'))

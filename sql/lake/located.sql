-- title: Located
-- question: What stands where in the files of a day that is sealed? One row per copy, and its place.
-- The variable own_files is the list of the day's files. A place is the number of the file in
-- it and of the row in the file. Nothing may filter here by what a file's path says: file_index
-- counts only the files that such a filter leaves.
select
    cluster,
    date,
    cast(file_index as bigint) * 4294967296 + file_row_number as place,
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
from read_parquet(
    getvariable('own_files'),
    hive_partitioning = true,
    hive_types = {'cluster': varchar, 'date': date},
    union_by_name = true
)

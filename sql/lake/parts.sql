-- title: Parts
-- question: What is in the files of open days? The raw copies, before deduplication.
-- The variable part_files is the list of files that the session reads: parts, and the
-- sealed files of days for which something came late.
-- no_parts has no row and every column: files of older versions lack some of them.
select *
from no_parts
where false
union all by name
select *
from read_parquet(
    getvariable('part_files'),
    hive_partitioning = true,
    hive_types = {'cluster': varchar, 'date': date},
    union_by_name = true
)

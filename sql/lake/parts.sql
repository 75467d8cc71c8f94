-- title: Parts
-- question: What is in the files of observations? The raw copies, before deduplication.
-- The variable part_files is the list of files that the session reads.
select *
from read_parquet(
    getvariable('part_files'),
    hive_partitioning = true,
    hive_types = {'cluster': varchar, 'date': date},
    union_by_name = true
)

-- title: Days
-- question: What is in the sealed days that nothing came late for? One row per state, counted.
-- The variable day_files is the list of files that the session reads.
select *
from read_parquet(
    getvariable('day_files'),
    hive_partitioning = true,
    hive_types = {'cluster': varchar, 'date': date},
    union_by_name = true
)

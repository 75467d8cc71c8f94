-- title: Days
-- question: What is in the sealed days that nothing came late for? One row per state, counted.
-- The variable day_files is the list of files that the session reads.
-- no_days has no row and every column: files of older versions lack some of them.
select *
from no_days
where false
union all by name
select *
from read_parquet(
    getvariable('day_files'),
    hive_partitioning = true,
    hive_types = {'cluster': varchar, 'date': date},
    union_by_name = true
)

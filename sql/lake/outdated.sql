-- title: Outdated
-- question: What is in the sealed days whose workloads and patterns were told by older rules?
-- The variable outdated_files is the list of files that the session reads.
-- no_outdated has no row and every column: files of older versions lack some of them.
select *
from no_outdated
where false
union all by name
select *
from read_parquet(
    getvariable('outdated_files'),
    hive_partitioning = true,
    hive_types = {'cluster': varchar, 'date': date},
    union_by_name = true
)

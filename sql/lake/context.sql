-- title: Context
-- question: What is in the sealed days before open ones? Counting those needs them.
-- The variable context_files is the list of files that the session reads;
-- they are among those of days, too.
-- no_context has no row and every column: files of older versions lack some of them.
select *
from no_context
where false
union all by name
select *
from read_parquet(
    getvariable('context_files'),
    hive_partitioning = true,
    hive_types = {'cluster': varchar, 'date': date},
    union_by_name = true
)

-- title: Ledger
-- question: What is in the ledger files? One row per run.
-- The variable ledger_files is the list of files that the session reads; no_ledger has no row
-- and every column, because files of older versions lack some of them.
select *
from no_ledger
where false
union all by name
select *
from read_parquet(
    getvariable('ledger_files'),
    hive_partitioning = true,
    hive_types = {'cluster': varchar, 'date': date},
    union_by_name = true
)

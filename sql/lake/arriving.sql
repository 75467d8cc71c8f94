-- title: Arriving
-- question: Which copies of states of one day are in parts that somebody did not get yet?
-- parts are the loose ones, days the sealed file; in that one rows are told apart by their run:
-- the variable settled_runs lists those of which all is known there.
select *
from parts
union all by name
select
    * exclude (
        occurrences,
        since,
        reset,
        workload,
        workload_kind,
        workload_by,
        message_pattern,
        pattern_version
    )
from days
where not list_contains(getvariable('settled_runs'), snapshot_id)

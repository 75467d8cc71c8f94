-- title: Rolled group
-- question: What are the observations of one row group rolled up to? In the order of the group.
-- Reads the relation rolled_up over a group: the statement of that name makes it.
select
    workload,
    workload_kind,
    workload_by,
    message_pattern,
    pattern_version
from rolled_up
order by place

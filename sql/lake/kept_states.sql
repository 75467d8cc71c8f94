-- title: Kept states
-- question: What are the states of open days, merged, when the session keeps them counted?
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
from kept_once

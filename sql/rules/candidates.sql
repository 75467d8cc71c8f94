-- title: Candidates
-- question: Which events of the window and its baseline can rules about these reasons match?
-- parameters: $base, $start, $end; $reasons
-- Asked once for all rules that name their reasons, which are then asked about these rows: what
-- an event adds to its lineage is worked out once and not once a rule. States that only differ
-- in count are put together, apart for window and baseline, at the time of the newest.
with
wanted as (
    select
        cluster,
        namespace,
        reason,
        type,
        object_kind,
        object_name,
        host,
        component,
        message,
        last_seen >= $start as of_window,
        last_seen,
        occurrences
    from events
    where
        date >= cast($base as date)
        and date <= cast($end as date)
        and last_seen >= $base
        and last_seen < $end
        and list_contains($reasons, reason)
)

select
    cluster,
    namespace,
    reason,
    type,
    object_kind,
    object_name,
    host,
    component,
    message,
    cast(sum(occurrences) as bigint) as occurrences,
    max(last_seen) as last_seen,
    cast(max(last_seen) as date) as date
from wanted
group by
    cluster, namespace, reason, type, object_kind, object_name, host, component, message, of_window
order by last_seen, reason, object_name

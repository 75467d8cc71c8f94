-- title: Overview
-- question: How often did each reason occur on each object, in the window and in the baseline before it?
-- parameters: $base, $start, $end
-- Asked once for all parts of a digest that add up occurrences, which are then asked about these
-- rows. States are put together, apart for window and baseline, at the time of the newest; the
-- text of the newest is kept of the window alone.
with
reached as (
    select
        cluster,
        namespace,
        reason,
        type,
        object_kind,
        object_name,
        case when last_seen >= $start then message end as message,
        last_seen >= $start as of_window,
        last_seen,
        coalesce(first_seen, last_seen) as first_seen,
        occurrences
    from events
    where
        date >= cast($base as date)
        and date <= cast($end as date)
        and last_seen >= $base
        and last_seen < $end
)

select
    cluster,
    namespace,
    reason,
    type,
    object_kind,
    object_name,
    arg_max(message, row(last_seen, message)) as message,
    cast(sum(occurrences) as bigint) as occurrences,
    min(first_seen) as first_seen,
    max(last_seen) as last_seen,
    cast(max(last_seen) as date) as date
from reached
group by cluster, namespace, reason, type, object_kind, object_name, of_window
order by last_seen, reason, object_name

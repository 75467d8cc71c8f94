-- title: Noisiest
-- question: Which objects produced the most occurrences in the window, and of what mostly?
-- parameters: $start, $end, $limit
with
by_reason as (
    select
        cluster,
        namespace,
        object_kind,
        object_name,
        reason,
        cast(sum(occurrences) as bigint) as occurrences
    from events
    where
        date >= cast($start as date)
        and date <= cast($end as date)
        and last_seen >= $start
        and last_seen < $end
    group by all
)

select
    cluster,
    namespace,
    object_kind,
    object_name,
    cast(sum(occurrences) as bigint) as total,
    arg_max(reason, row(occurrences, reason)) as top_reason
from by_reason
group by cluster, namespace, object_kind, object_name
having sum(occurrences) > 0
order by total desc, cluster, namespace, object_kind, object_name
limit $limit

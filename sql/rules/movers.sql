-- title: Movers
-- question: Which reasons of a namespace are far from what is usual there, up or down?
-- parameters: $base, $start, $end; $clusters and $scales: for each cluster with enough history, what
--   turns its baseline's sum into the mean of a span as long as the window; $floor, below which
--   nothing is far; $factor, how many times is far; $falls, whether falls are shown; $limit
with
counted as (
    select
        cluster,
        namespace,
        reason,
        coalesce(sum(occurrences) filter (where last_seen >= $start), 0) as value,
        coalesce(sum(occurrences) filter (where last_seen < $start), 0) as baseline_total
    from events
    where
        date >= cast($base as date)
        and date <= cast($end as date)
        and last_seen >= $base
        and last_seen < $end
        and list_contains($clusters, cluster)
    group by all
),

scaled as (
    select
        cluster,
        namespace,
        reason,
        cast(value as bigint) as value,
        cast(
            baseline_total * list_extract($scales, list_position($clusters, cluster)) as double
        ) as baseline
    from counted
)

select
    cluster,
    namespace,
    reason,
    value,
    baseline
from scaled
where
    (value >= $floor and value >= $factor * greatest(baseline, 1))
    or ($falls and baseline >= $floor and value * $factor <= baseline)
order by abs(value - baseline) desc, cluster, namespace, reason
limit $limit

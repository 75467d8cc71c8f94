-- title: Totals
-- question: How much happened in each cluster in the window, and how much in the baseline before it?
-- parameters: $base, $start, $end
with
counted as (
    select
        cluster,
        namespace,
        object_kind,
        object_name,
        coalesce(sum(occurrences) filter (where last_seen >= $start), 0) as occurrences,
        coalesce(
            sum(occurrences) filter (where last_seen >= $start and type = 'Warning'), 0
        ) as warnings,
        coalesce(sum(occurrences) filter (where last_seen < $start), 0) as baseline_occurrences,
        coalesce(
            sum(occurrences) filter (where last_seen < $start and type = 'Warning'), 0
        ) as baseline_warnings
    from events
    where
        date >= cast($base as date)
        and date <= cast($end as date)
        and last_seen >= $base
        and last_seen < $end
    group by all
)

select
    cluster,
    cast(sum(occurrences) as bigint) as occurrences,
    cast(sum(warnings) as bigint) as warnings,
    count(*) filter (where occurrences > 0) as objects,
    count(distinct namespace) filter (where occurrences > 0) as namespaces,
    cast(sum(baseline_occurrences) as bigint) as baseline_occurrences,
    cast(sum(baseline_warnings) as bigint) as baseline_warnings
from counted
group by cluster
order by cluster

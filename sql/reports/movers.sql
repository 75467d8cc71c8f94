-- title: Movers
-- title_zh: 显著变化
-- question: Which reasons of a namespace are far from what was usual there in the seven days before?
-- question_zh: 哪些命名空间的哪些原因与之前七天的常态相差很大？
-- parameters: start, end, days=7, known=3, floor=10, factor=3, limit=30
-- chart: bar x=occurrences y=reason mark=usual limit=15
-- usual is the mean of a span as long as the window over the known ones of the $days days before it.
-- A day (24 hours, counted back from the window) is known if a snapshot proves some of it or a
-- run observed something in it: a job that was down did not make the cluster quiet. A cluster
-- with fewer than $known known days has no rows. Far is $factor times up or down, and one
-- of the two at least $floor.
with counted as materialized (
    select
        cluster,
        namespace,
        reason,
        last_seen >= $start as inside,
        cast(floor(
            (epoch_us(observed_at) - epoch_us($start - to_days(cast($days as integer)))) / 8.64e10
        ) as bigint) as day,
        sum(occurrences) as occurrences
    from events
    where
        date >= cast($start - to_days(cast($days as integer)) as date)
        and date <= cast($end as date)
        and last_seen >= $start - to_days(cast($days as integer))
        and last_seen < $end
    group by cluster, namespace, reason, inside, day
),

days as (
    select
        number as day,
        $start - to_days(cast($days - number as integer)) as day_start,
        $start - to_days(cast($days - number - 1 as integer)) as day_end
    from generate_series(0, cast($days as bigint) - 1) as numbers (number)
),

known as (
    select
        cluster,
        day
    from counted
    where day between 0 and $days - 1
    union
    select
        coverage.cluster,
        days.day
    from coverage
    inner join days
        on
            coverage.covered
            and coverage.started_at < days.day_end
            and coverage.ended_at > days.day_start
),

baselines as (
    select
        cluster,
        count(*) as known_days
    from known
    group by cluster
    having count(*) >= $known
),

summed as (
    select
        cluster,
        namespace,
        reason,
        coalesce(sum(occurrences) filter (where inside), 0) as occurrences,
        coalesce(sum(occurrences) filter (where not inside), 0) as before
    from counted
    group by cluster, namespace, reason
),

compared as (
    select
        summed.cluster,
        summed.namespace,
        summed.reason,
        cast(summed.occurrences as bigint) as occurrences,
        cast(summed.before as double)
        * (epoch_us($end) - epoch_us($start))
        / (baselines.known_days * 8.64e10) as usual,
        baselines.known_days
    from summed
    inner join baselines on summed.cluster = baselines.cluster
)

select
    cluster,
    namespace,
    reason,
    occurrences,
    usual,
    occurrences - usual as change,
    known_days
from compared
where
    (occurrences >= $floor and occurrences >= $factor * usual)
    or (usual >= $floor and usual >= $factor * occurrences)
order by
    abs(occurrences - usual) desc,
    cluster,
    namespace nulls last,
    reason nulls last
limit $limit

-- title: Coverage
-- title_zh: 覆盖情况
-- question: For which part of the window do snapshots prove that nothing was missed?
-- question_zh: 快照能证明窗口中哪一段没有遗漏？
-- parameters: start, end
-- Rows tile the window for each cluster: covered; a gap between snapshots; or unknown, which
-- is the time before the first and after the last snapshot, and all of it for a cluster
-- whose events were only imported.
with imported as (
    select distinct cluster
    from observations
    where
        date >= cast($start as date)
        and date <= cast($end as date)
        and last_seen >= $start
        and last_seen < $end
),

bounds as (
    select
        cluster,
        min(started_at) as first_at,
        max(ended_at) as last_at
    from coverage
    where started_at < $end
    group by cluster
),

clusters as (
    select cluster from imported
    union
    select cluster from bounds
),

spans as (
    select
        cluster,
        started_at,
        ended_at,
        case when covered then 'covered' else 'gap' end as state,
        cause
    from coverage
    union all
    select
        cluster,
        $start as started_at,
        first_at as ended_at,
        'unknown' as state,
        'before the first snapshot' as cause
    from bounds
    union all
    select
        cluster,
        last_at as started_at,
        $end as ended_at,
        'unknown' as state,
        'after the last snapshot' as cause
    from bounds
    union all
    select
        clusters.cluster,
        $start as started_at,
        $end as ended_at,
        'unknown' as state,
        'no snapshot' as cause
    from clusters
    anti join bounds on clusters.cluster = bounds.cluster
)

select
    cluster,
    greatest(started_at, $start) as started_at,
    least(ended_at, $end) as ended_at,
    state,
    cause,
    (epoch_us(least(ended_at, $end)) - epoch_us(greatest(started_at, $start))) / 1e6
        as length_seconds
from spans
where
    started_at < ended_at
    and started_at < $end
    and ended_at > $start
order by cluster, greatest(started_at, $start)

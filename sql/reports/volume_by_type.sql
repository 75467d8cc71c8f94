-- title: Volume over time
-- title_zh: 事件量随时间变化
-- question: When did how much happen, and how much of it was warnings?
-- question_zh: 什么时候发生了多少事件，其中多少是警告？
-- parameters: start, end, timezone, bucket=auto
-- chart: columns x=bucket y=occurrences color=type
-- One row per bucket and type; a bucket in which nothing happened has rows of zero, and
-- covered_share says how much of it is proven by snapshots of the least covered cluster.
-- Buckets of whole days are calendar days of $timezone; shorter ones start at its midnight.
with bounds as (
    select
        date_trunc('day', timezone($timezone, $start)) as midnight,
        timezone($timezone, date_trunc('day', timezone($timezone, $start))) as origin,
        $end - interval 1 microsecond as last_moment
    where $start < $end
),

starts as (
    select
        unnest(
            generate_series(time_bucket($bucket, $start, origin), last_moment, $bucket)
        ) as bucket
    from bounds
    where $bucket < interval 1 day
    union all
    select
        timezone(
            $timezone,
            unnest(generate_series(midnight, timezone($timezone, last_moment), $bucket))
        ) as bucket
    from bounds
    where $bucket >= interval 1 day
),

buckets as (
    select
        bucket,
        greatest(bucket, $start) as started_at,
        coalesce(lead(bucket) over (order by bucket), $end) as ended_at
    from starts
),

happened as (
    select
        case
            when $bucket < interval 1 day
                then time_bucket($bucket, events.last_seen, bounds.origin)
            else timezone(
                $timezone,
                time_bucket($bucket, timezone($timezone, events.last_seen), bounds.midnight)
            )
        end as bucket,
        events.type,
        sum(events.occurrences) as occurrences,
        count(*) as states
    from events
    cross join bounds
    where
        events.date >= cast($start as date)
        and events.date <= cast($end as date)
        and events.last_seen >= $start
        and events.last_seen < $end
    group by bucket, events.type
),

types as (
    select type from happened
    union
    select unnest(['Normal', 'Warning']) as type
),

clusters as (
    select distinct cluster
    from coverage
    where started_at < $end
),

covers as (
    select
        buckets.bucket,
        coverage.cluster,
        epoch_us(least(coverage.ended_at, buckets.ended_at))
        - epoch_us(greatest(coverage.started_at, buckets.started_at)) as length
    from buckets
    inner join coverage
        on
            coverage.covered
            and buckets.ended_at > coverage.started_at
            and buckets.started_at < coverage.ended_at
),

proven as (
    select
        buckets.bucket,
        clusters.cluster,
        coalesce(sum(covers.length), 0)
        / (epoch_us(buckets.ended_at) - epoch_us(buckets.started_at)) as share
    from buckets
    cross join clusters
    left join covers
        on buckets.bucket = covers.bucket and clusters.cluster = covers.cluster
    group by buckets.bucket, buckets.started_at, buckets.ended_at, clusters.cluster
),

shares as (
    select
        bucket,
        min(share) as covered_share
    from proven
    group by bucket
)

select
    buckets.bucket,
    types.type,
    cast(coalesce(happened.occurrences, 0) as bigint) as occurrences,
    coalesce(happened.states, 0) as states,
    shares.covered_share
from buckets
cross join types
left join happened
    on buckets.bucket = happened.bucket and types.type is not distinct from happened.type
left join shares on buckets.bucket = shares.bucket
order by buckets.bucket, types.type nulls last

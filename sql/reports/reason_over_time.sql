-- title: One reason over time
-- title_zh: 单个原因随时间变化
-- question: When and in which namespaces did one reason occur, such as today's Unhealthy?
-- question_zh: 某个原因（例如今天的 Unhealthy）在什么时候、哪些命名空间出现？
-- parameters: start, end, timezone, bucket=auto, reason=Unhealthy, limit=8
-- chart: columns x=bucket y=occurrences color=namespace
-- One row per bucket and namespace; a bucket without an occurrence has rows of zero, and
-- covered_share says how much of it is proven by snapshots of the least covered cluster.
-- Beyond the `limit` namespaces with most occurrences the rest is one row, (others); a
-- reason that did not occur at all has one row per bucket without a namespace.
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
        events.cluster,
        events.namespace,
        events.object_kind,
        events.object_name,
        sum(events.occurrences) as occurrences
    from events
    cross join bounds
    where
        events.date >= cast($start as date)
        and events.date <= cast($end as date)
        and events.last_seen >= $start
        and events.last_seen < $end
        and events.reason = $reason
    group by
        bucket, events.cluster, events.namespace, events.object_kind, events.object_name
),

ranked as (
    select
        namespace,
        row_number() over (order by sum(occurrences) desc, namespace nulls last) as rank
    from happened
    group by namespace
),

folded as (
    select
        happened.bucket,
        least(ranked.rank, $limit + 1) as position,
        case when ranked.rank <= $limit then happened.namespace else '(others)' end as shown,
        sum(happened.occurrences) as occurrences,
        count(*) as objects
    from happened
    inner join ranked on happened.namespace is not distinct from ranked.namespace
    group by happened.bucket, position, shown
),

namespaces as (
    select distinct
        position,
        shown
    from folded
    union all
    select
        1 as position,
        cast(null as varchar) as shown
    where not exists (select 1 from folded)
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
    namespaces.shown as namespace,
    cast(coalesce(folded.occurrences, 0) as bigint) as occurrences,
    coalesce(folded.objects, 0) as objects,
    shares.covered_share
from buckets
cross join namespaces
left join folded on buckets.bucket = folded.bucket and namespaces.position = folded.position
left join shares on buckets.bucket = shares.bucket
order by buckets.bucket, namespaces.position

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
with cut as (
    select
        bucket,
        ended_at,
        covered_share
    from buckets($start, $end, $timezone, $bucket)
),

happened as (
    select
        slot_of(last_seen, $bucket) as slot,
        cluster,
        namespace,
        object_kind,
        object_name,
        sum(occurrences) as occurrences
    from events
    where
        date >= cast($start as date)
        and date <= cast($end as date)
        and last_seen >= $start
        and last_seen < $end
        and reason = $reason
    group by slot, cluster, namespace, object_kind, object_name
),

placed as (
    select
        cut.bucket,
        happened.cluster,
        happened.namespace,
        happened.object_kind,
        happened.object_name,
        sum(happened.occurrences) as occurrences
    from happened
    inner join cut on happened.slot >= cut.bucket and happened.slot < cut.ended_at
    group by
        cut.bucket,
        happened.cluster,
        happened.namespace,
        happened.object_kind,
        happened.object_name
),

ranked as (
    select
        namespace,
        row_number() over (order by sum(occurrences) desc, namespace nulls last) as rank
    from placed
    group by namespace
),

folded as (
    select
        placed.bucket,
        least(ranked.rank, $limit + 1) as position,
        case when ranked.rank <= $limit then placed.namespace else '(others)' end as shown,
        sum(placed.occurrences) as occurrences,
        count(*) as objects
    from placed
    inner join ranked on placed.namespace is not distinct from ranked.namespace
    group by placed.bucket, position, shown
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
)

select
    cut.bucket,
    namespaces.shown as namespace,
    cast(coalesce(folded.occurrences, 0) as bigint) as occurrences,
    coalesce(folded.objects, 0) as objects,
    cut.covered_share
from cut
cross join namespaces
left join folded on cut.bucket = folded.bucket and namespaces.position = folded.position
order by cut.bucket, namespaces.position

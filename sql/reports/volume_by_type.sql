-- title: Volume over time
-- title_zh: 事件量随时间变化
-- question: When did how much happen, and how much of it was warnings?
-- question_zh: 什么时候发生了多少事件，其中多少是警告？
-- parameters: start, end, timezone, bucket=auto
-- chart: columns x=bucket y=occurrences color=type
-- One row per bucket and type; a bucket in which nothing happened has rows of zero, and
-- covered_share says how much of it is proven by snapshots of the least covered cluster.
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
        type,
        sum(occurrences) as occurrences,
        count(*) as states
    from events
    where
        date >= cast($start as date)
        and date <= cast($end as date)
        and last_seen >= $start
        and last_seen < $end
    group by slot, type
),

placed as (
    select
        cut.bucket,
        happened.type,
        sum(happened.occurrences) as occurrences,
        sum(happened.states) as states
    from happened
    inner join cut on happened.slot >= cut.bucket and happened.slot < cut.ended_at
    group by cut.bucket, happened.type
),

types as (
    select type from placed
    union
    select unnest(['Normal', 'Warning']) as type
)

select
    cut.bucket,
    types.type,
    cast(coalesce(placed.occurrences, 0) as bigint) as occurrences,
    cast(coalesce(placed.states, 0) as bigint) as states,
    cut.covered_share
from cut
cross join types
left join placed on cut.bucket = placed.bucket and types.type is not distinct from placed.type
order by cut.bucket, types.type nulls last

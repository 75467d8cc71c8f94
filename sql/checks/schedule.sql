-- title: Spare runs
-- question: How far are the lists of each cluster apart, and how many runs may fail before a gap opens?
-- parameters: $start, $end
-- k spare runs need (k + 1) intervals and a minute for start, pages and clocks within the TTL.
with lists as (
    select
        cluster,
        scope,
        sent_at,
        ttl_seconds,
        epoch_us(sent_at)
        - lag(epoch_us(sent_at)) over (
            partition by cluster, scope
            order by sent_at
        ) as apart
    from snapshots
    where
        kind in ('list', 'watch')
        and status in ('complete', 'inconsistent')
        and date >= cast($start as date) - 1
        and sent_at >= $start
        and sent_at < $end
)

select
    cluster,
    arg_max(ttl_seconds, sent_at) as ttl_seconds,
    median(apart) / 1e6 as interval_seconds,
    cast(
        greatest(
            floor((arg_max(ttl_seconds, sent_at) - 60) / nullif(median(apart) / 1e6, 0)) - 1, 0
        ) as bigint
    ) as spare_runs
from lists
group by cluster
having count(apart) >= 3
order by cluster

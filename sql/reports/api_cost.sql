-- title: What watching costs
-- title_zh: 采集开销
-- question: How many events are alive in each cluster, and what do our own snapshots cost its API server?
-- question_zh: 每个集群有多少存活事件，我们的快照给 API server 带来多少开销？
-- parameters: start, end
-- One row per cluster that a snapshot tried to read in the window; watches are those that took changes
-- only. Items are the events that were alive when they were listed, bytes what travelled (compressed where the server did that), seconds the time of the
-- whole run. busy_share is the part of the window in which a snapshot ran.
with runs as (
    select
        cluster,
        kind,
        status,
        items,
        pages,
        retries,
        bytes_received,
        (epoch_us(coalesce(finished_at, received_at, started_at)) - epoch_us(started_at)) / 1e6
            as seconds
    from snapshots
    where
        date >= cast($start as date)
        and date <= cast($end as date)
        and started_at >= $start
        and started_at < $end
        and kind in ('list', 'watch')
)

select
    cluster,
    count(*) as snapshots,
    count(*) filter (where status = 'failed') as failed,
    count(*) filter (where kind = 'watch') as watches,
    cast(round(avg(items) filter (where status != 'failed' and kind = 'list')) as bigint) as items,
    max(items) filter (where kind = 'list') as most_items,
    cast(coalesce(sum(pages), 0) as bigint) as pages,
    cast(coalesce(sum(retries), 0) as bigint) as retries,
    cast(coalesce(sum(bytes_received), 0) as bigint) as received_bytes,
    avg(seconds) as mean_seconds,
    max(seconds) as longest_seconds,
    sum(seconds) / nullif((epoch_us($end) - epoch_us($start)) / 1e6, 0) as busy_share
from runs
group by cluster
order by cluster

-- title: Checks that did not hold
-- question: Which checks of a snapshot did not hold in the window, how often, and when last?
-- parameters: $start, $end
with checked as (
    select
        cluster,
        snapshot_id,
        started_at,
        unnest(checks) as check_name
    from snapshots
    where
        date >= cast($start as date) - 1
        and started_at >= $start
        and started_at < $end
)

select
    cluster,
    check_name,
    count(*) as snapshots,
    max(started_at) as last_at
from checked
group by cluster, check_name
order by cluster, check_name

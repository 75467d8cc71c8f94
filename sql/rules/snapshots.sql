-- title: Snapshots of the window
-- question: Which clusters were read in or shortly before the window, how often, and what went wrong?
-- parameters: $base, since when a cluster that was read is expected; $start, $end
-- A run is of the window by the time at which it read the cluster, a failed one by its start.
with
runs as (
    select
        *,
        status in ('complete', 'inconsistent') as usable,
        coalesce(collected_at, sent_at, started_at) >= $start
        and coalesce(collected_at, sent_at, started_at) < $end as of_window
    from snapshots
    where
        kind not in ('retention', 'redact')
        and date >= cast($base as date) - 1
        and started_at >= $base
)

select
    cluster,
    count(*) filter (where usable and of_window) as snapshots,
    count(*) filter (where status = 'failed' and of_window) as failed,
    max(coalesce(collected_at, sent_at)) filter (where usable) as last_snapshot_at,
    max(started_at) filter (where status = 'failed') as last_failed_at,
    arg_max(error, started_at) filter (where status = 'failed') as last_error,
    max(unreadable) filter (where of_window) as unreadable,
    arg_max(unreadable_names, unreadable) filter (where of_window) as unreadable_names,
    bool_or(kind in ('list', 'watch')) as listed
from runs
group by cluster
order by cluster

-- title: Newest snapshots
-- question: What does the newest usable snapshot of each cluster say of itself? Null where there is none.
-- The whole ledger is looked through, because of a cluster that was not read for a month the metrics
-- have to say just that. Clusters that were only imported are not expected to be read.
with taken as (
    select
        *,
        status in ('complete', 'inconsistent') as usable,
        coalesce(sent_at, started_at) as asked_at
    from snapshots
    where kind in ('list', 'watch')
)

select
    cluster,
    case when usable then asked_at end as sent_at,
    (epoch_us(finished_at) - epoch_us(started_at)) / 1e6 as seconds,
    pages,
    bytes_received,
    items,
    rows_added,
    unreadable,
    len(checks) as failed_checks,
    interval_seconds,
    ttl_seconds,
    (epoch_us(first_received_at) - epoch_us(server_date)) / 1e6 as skew_seconds
from taken
qualify row_number() over (partition by cluster order by usable desc, asked_at desc) = 1
order by cluster

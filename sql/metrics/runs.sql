-- title: Snapshots to count
-- question: Which snapshots were taken since a moment, and what did each of them bring?
-- parameters: $since
select
    cluster,
    snapshot_id,
    started_at,
    status,
    coalesce(items, 0) as items,
    coalesce(unreadable, 0) as unreadable,
    coalesce(bytes_received, 0) as bytes_received,
    coalesce(rows_added, 0) as rows_added,
    coalesce(parts, []) as parts
from snapshots
where
    kind in ('list', 'watch')
    and date >= cast($since as date)
    and started_at >= $since
order by cluster, snapshot_id

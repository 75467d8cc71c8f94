-- title: Marks
-- question: Up to which moment does the lake know each cluster, for an evaluation of a window that ends at $end?
-- parameters: $start, $end; $now
-- The start of the first list that was begun after the window, or of the newest one if there is
-- none yet. What a list saw was observed at its start, and is in the lake when its row is.
select
    cluster,
    coalesce(min(started_at) filter (where started_at >= $end), max(started_at)) as mark
from snapshots
where
    date >= cast($start as date) - 1
    and date <= cast($now as date)
    and started_at <= $now
    and kind in ('list', 'watch')
    and status in ('complete', 'inconsistent')
group by cluster
order by cluster

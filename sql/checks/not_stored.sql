-- title: Not stored
-- question: Which namespaces and reasons did snapshots and imports of the window leave out, as ingest.drop says?
-- parameters: $start, $end
-- What a run left out says nothing about it, however well the time is covered.
with left_out as (
    select
        cluster,
        map_keys(dropped_namespaces) as namespace,
        map_keys(dropped_reasons) as reason
    from snapshots
    where
        date >= cast($start as date) - 1
        and date <= cast($end as date)
        and started_at >= $start
        and started_at < $end
)

select distinct
    cluster,
    what,
    unnest(names) as name
from left_out
unpivot (names for what in (namespace, reason))
order by cluster, what, name

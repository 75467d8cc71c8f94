-- title: Added by snapshots
-- question: How often did each kind of event occur, by the states that these snapshots added?
-- parameters: $snapshots, their ids; $days, the days that they wrote to
select
    cluster,
    coalesce(namespace, '') as namespace,
    coalesce(reason, '') as reason,
    coalesce(object_kind, '') as kind,
    coalesce(type, '') as type,
    cast(sum(occurrences) as bigint) as occurrences
from events
where
    list_contains(cast($days as date[]), date)
    and list_contains(cast($snapshots as varchar[]), snapshot_id)
    and occurrences > 0
group by all
order by all

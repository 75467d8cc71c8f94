-- title: Seen before
-- question: Which reasons has the lake seen on which kind of object before the window?
-- parameters: $since, how far back the lake is asked; $start; $clusters, those with enough history
select distinct
    cluster,
    reason,
    object_kind
from observations
where
    date >= cast($since as date)
    and date <= cast($start as date)
    and last_seen >= $since
    and last_seen < $start
    and list_contains($clusters, cluster)
order by cluster, reason, object_kind

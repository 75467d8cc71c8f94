-- title: Seen before
-- question: Which reasons has the lake seen on which kind of object before this evaluation?
-- parameters: $reach, how far back the lake is asked; $start, $end; $clusters, those with enough
--   history; $known, up to when an earlier evaluation knew each of them, null for none
-- What an earlier evaluation did not know is not old news, however long ago it happened: an event
-- that is listed late is told as new by the digest that counts it.
select distinct
    cluster,
    reason,
    object_kind
from observations
where
    date >= cast($reach as date)
    and date <= cast($end as date)
    and last_seen >= $reach
    and list_contains($clusters, cluster)
    and coalesce(
        observed_at
        <= list_extract(cast($known as timestamptz[]), list_position($clusters, cluster)),
        last_seen < $start
    )
order by cluster, reason, object_kind

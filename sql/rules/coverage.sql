-- title: Coverage of the window
-- question: Which spans of the window are proven, and which are gaps? Outside the spans nothing is known.
-- parameters: $start, $end
-- namespaces are those that were listed; null means all.
select
    cluster,
    greatest(started_at, $start) as started_at,
    least(ended_at, $end) as ended_at,
    covered,
    cause,
    namespaces
from coverage
where
    ended_at > $start
    and started_at < $end
order by cluster, started_at

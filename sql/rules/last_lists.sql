-- title: Last lists
-- question: When was each cluster last listed in a span of time?
-- parameters: $since, $until
-- A list that failed does not count: the job of a cluster that is gone may be there for some time.
select
    cluster,
    max(started_at) as listed_at
from snapshots
where
    date >= cast($since as date) - 1
    and started_at >= $since
    and started_at <= $until
    and kind in ('list', 'watch')
    and status in ('complete', 'inconsistent')
group by cluster
order by cluster

-- title: Coverage in numbers
-- question: How much of the window is proven for each cluster, and how many gaps of what length are in it?
-- parameters: $start, $end
-- Gaps are between snapshots; what is before the first and after the last one is not proven either,
-- and is no gap yet.
with spans as (
    select
        cluster,
        covered,
        epoch_us(least(ended_at, $end)) - epoch_us(greatest(started_at, $start)) as length
    from coverage
    where
        ended_at > $start
        and started_at < $end
)

select
    cluster,
    coalesce(sum(length) filter (where covered), 0) / (epoch_us($end) - epoch_us($start)) as ratio,
    count(*) filter (where not covered) as gaps,
    coalesce(sum(length) filter (where not covered), 0) / 1e6 as gap_seconds
from spans
group by cluster
order by cluster

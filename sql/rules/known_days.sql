-- title: Known days
-- question: For which days of the baseline does the lake know what happened, also if that was nothing?
-- parameters: $base, $start
-- A day is 24 hours, counted from $base. It is known if a cluster was read in it: the ledger
-- tells of quiet days too, and observed_at of imports whose ledger row has no time of collection.
-- The lake's partitions have their own days, so each filter reaches one of them further.
with
reads as (
    select
        cluster,
        coalesce(collected_at, sent_at) as moment
    from snapshots
    where
        date >= cast($base as date) - 1
        and date <= cast($start as date) + 1
        and status in ('complete', 'inconsistent')
    union all
    -- A run observes all that it reads at one moment: few are left before anything is computed.
    select distinct
        cluster,
        observed_at as moment
    from observations
    where
        date >= cast($base as date) - 1
        and date <= cast($start as date)
        and last_seen >= $base - interval 1 day
        and last_seen < $start
)

select distinct
    cluster,
    cast(floor(date_diff('second', $base, moment) / 86400) as bigint) as day
from reads
where
    moment >= $base
    and moment < $start
order by cluster, day

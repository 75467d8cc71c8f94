-- title: Occurrences
-- question: How many occurrences does each observation add, and since when?
-- A day is computed from its own observations and those of the day before, and from
-- nothing else: an observation whose lineage goes on the day after stands here as itself
-- and as context of that day. One that is not counted (own is false) stands as context alone.
-- In a lineage (the event objects that continue one count: same cluster, namespace,
-- event name and first seen) ordered by (last_seen, n, uid), an observation adds what
-- its count exceeds the greatest count before it. A count that falls while the object
-- was written again starts anew. What happened over more than 24 hours, or since nobody
-- says when, happened at an unknown time: one occurrence is booked, the rest to no day.
-- A count that nobody can have produced (flag implausible) is one occurrence.
-- The hash stands first in each partition so that sorting compares numbers, and names
-- only where they are the same: 0.4 s instead of 5.5 s for 450,000 observations.
with states as (
    select
        hash(
            cluster, namespace, coalesce(name, uid), date_trunc('second', first_seen)
        ) as lineage,
        cluster,
        namespace,
        coalesce(name, uid) as lineage_name,
        date_trunc('second', first_seen) as lineage_start,
        date,
        uid,
        n,
        last_seen,
        first_seen,
        resource_version,
        coalesce(list_contains(flags, 'implausible'), false) as implausible,
        own
    from near
),

continued as (
    select distinct
        lineage,
        date - 1 as date
    from states
    where own
),

contexts as (
    select
        *,
        date as day
    from states
    where own
    union all
    select
        *,
        date + 1 as day
    from states
    semi join continued using (lineage, date)
),

preceded as (
    select
        *,
        lag(last_seen) over line as last_seen_before,
        max(n) over (
            partition by lineage, cluster, namespace, lineage_name, lineage_start, day
            order by last_seen, n, uid
            rows between unbounded preceding and 1 preceding
        ) as greatest_before,
        coalesce(
            lag(uid) over line = uid
            and lag(n) over line > n
            and lag(resource_version) over line < resource_version
            and lag(last_seen) over line < last_seen,
            false
        ) as reset
    from contexts
    window line as (
        partition by lineage, cluster, namespace, lineage_name, lineage_start, day
        order by last_seen, n, uid
    )
),

-- Counts that start anew are rare; only their lineages pay for counting by epochs.
restarted as (
    select distinct
        lineage,
        day
    from preceded
    where reset
),

epochs as (
    select
        *,
        count(*) filter (where reset) over (
            partition by lineage, cluster, namespace, lineage_name, lineage_start, day
            order by last_seen, n, uid
            rows between unbounded preceding and current row
        ) as epoch
    from preceded
    semi join restarted using (lineage, day)
),

counted as (
    select
        * exclude (epoch, greatest_before),
        max(n) over (
            partition by lineage, cluster, namespace, lineage_name, lineage_start, day, epoch
            order by last_seen, n, uid
            rows between unbounded preceding and 1 preceding
        ) as greatest_before
    from epochs
    union all
    select
        * exclude (greatest_before),
        greatest_before
    from preceded
    anti join restarted using (lineage, day)
),

added as (
    select
        *,
        greatest(0, n - coalesce(greatest_before, 0)) as added,
        coalesce(last_seen_before, first_seen) as since
    from counted
    where date = day
)

select
    cluster,
    date,
    uid,
    n,
    last_seen,
    cast(case
        when
            implausible or since is null or last_seen - since > interval 24 hours
            then least(added, 1)
        else added
    end as bigint) as occurrences,
    since,
    reset
from added

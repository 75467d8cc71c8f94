-- title: Occurrences
-- question: How many occurrences does each observation add, and since when?
-- A day is computed from its own observations and those of the day before, and from
-- nothing else: each observation stands here as itself and as context of the next day.
-- In a lineage (the event objects that continue one count: same cluster, namespace,
-- event name and first seen) ordered by (last_seen, n, uid), an observation adds what
-- its count exceeds the greatest count before it. A count that falls while the object
-- was written again starts anew. What happened over more than 24 hours, or since nobody
-- says when, happened at an unknown time: one occurrence is booked, the rest to no day.
-- A count that nobody can have produced (flag implausible) is one occurrence.
with states as (
    select
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
        coalesce(list_contains(flags, 'implausible'), false) as implausible
    from observations
),

contexts as (
    select
        *,
        date as day
    from states
    union all
    select
        *,
        date + 1 as day
    from states
),

preceded as (
    select
        *,
        lag(last_seen) over lineage as last_seen_before,
        coalesce(
            lag(uid) over lineage = uid
            and lag(n) over lineage > n
            and lag(resource_version) over lineage < resource_version
            and lag(last_seen) over lineage < last_seen,
            false
        ) as reset
    from contexts
    window lineage as (
        partition by cluster, namespace, lineage_name, lineage_start, day
        order by last_seen, n, uid
    )
),

epochs as (
    select
        *,
        count(*) filter (where reset) over (
            partition by cluster, namespace, lineage_name, lineage_start, day
            order by last_seen, n, uid
            rows between unbounded preceding and current row
        ) as epoch
    from preceded
),

added as (
    select
        *,
        greatest(0, n - coalesce(max(n) over (
            partition by cluster, namespace, lineage_name, lineage_start, day, epoch
            order by last_seen, n, uid
            rows between unbounded preceding and 1 preceding
        ), 0)) as added,
        coalesce(last_seen_before, first_seen) as since
    from epochs
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
where date = day

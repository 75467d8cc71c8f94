-- title: Coverage
-- question: For which time does the ledger prove that no final state was missed, and where not?
-- A state written at w can be listed until w + TTL, so a list that was sent at s and
-- received at e proves the time from e - TTL to s, less a minute for clocks. Spans that
-- two lists leave open are gaps. Before the first and after the last span nothing is known.
-- What retention deleted is a gap as well: lists before the deletion prove only what it left.
with deletions as (
    select
        cluster,
        min(deleted_from) as started_at,
        max(deleted_before) as ended_at,
        max(started_at) as deleted_at
    from snapshots
    where kind = 'retention'
    group by cluster
),

proofs as (
    select
        snapshots.cluster,
        case
            when snapshots.started_at < deletions.deleted_at
                then
                    greatest(
                        snapshots.received_at - to_seconds(snapshots.ttl_seconds - 60),
                        deletions.ended_at
                    )
            else snapshots.received_at - to_seconds(snapshots.ttl_seconds - 60)
        end as started_at,
        snapshots.sent_at as ended_at
    from snapshots
    left join deletions on snapshots.cluster = deletions.cluster
    where
        snapshots.status in ('complete', 'inconsistent')
        and snapshots.scope is null
        and snapshots.sent_at is not null
        and snapshots.received_at is not null
        and snapshots.ttl_seconds > 60
),

-- The two ends of what was deleted are spans without length: what lies between is a gap.
spans as (
    select *
    from proofs
    where started_at < ended_at
    union all
    select
        cluster,
        started_at,
        started_at as ended_at
    from deletions
    union all
    select
        cluster,
        ended_at as started_at,
        ended_at
    from deletions
),

reached as (
    select
        cluster,
        started_at,
        ended_at,
        max(ended_at) over (
            partition by cluster
            order by started_at, ended_at
            rows between unbounded preceding and 1 preceding
        ) as reach
    from spans
),

numbered as (
    select
        cluster,
        started_at,
        ended_at,
        reach,
        count(*) filter (where reach is null or started_at > reach) over (
            partition by cluster
            order by started_at, ended_at
            rows between unbounded preceding and current row
        ) as island
    from reached
),

-- A failed run explains a gap if it ran between the two lists, also after the gap's end:
-- had it not failed, it would have reached back into it.
gaps as (
    select
        cluster,
        reach as started_at,
        started_at as ended_at,
        ended_at as closed_at
    from numbered
    where started_at > reach
),

failures as (
    select
        gaps.cluster,
        gaps.started_at,
        count(*) as runs
    from gaps
    inner join snapshots
        on
            gaps.cluster = snapshots.cluster
            and snapshots.status = 'failed'
            and snapshots.scope is null
            and gaps.started_at <= snapshots.started_at
            and gaps.closed_at >= snapshots.started_at
    group by gaps.cluster, gaps.started_at
)

select
    cluster,
    min(started_at) as started_at,
    max(ended_at) as ended_at,
    true as covered,
    cast(null as varchar) as cause
from numbered
group by cluster, island
having min(started_at) < max(ended_at)
union all
select
    gaps.cluster,
    gaps.started_at,
    gaps.ended_at,
    false as covered,
    case
        when gaps.started_at >= deletions.started_at and gaps.ended_at <= deletions.ended_at
            then 'deleted by retention'
        when failures.runs is null then 'no run'
        else 'failed run'
    end as cause
from gaps
left join failures using (cluster, started_at)
left join deletions on gaps.cluster = deletions.cluster

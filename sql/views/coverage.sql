-- title: Coverage
-- question: For which time does the ledger prove that no final state was missed, where not, and why?
-- The spans of a cluster's namespaces put together: covered is what is covered for all that were
-- listed at the time. namespaces names these; null is the cluster as a whole.
with named as materialized (
    select
        cluster,
        namespaces,
        started_at,
        ended_at,
        covered,
        cause
    from coverage_by_namespace
),

cuts as (
    select
        cluster,
        started_at as cut
    from named
    union
    select
        cluster,
        ended_at as cut
    from named
),

pieces as (
    select
        cluster,
        cut as started_at,
        lead(cut) over (partition by cluster order by cut) as ended_at
    from cuts
),

states as (
    select
        pieces.cluster,
        pieces.started_at,
        pieces.ended_at,
        bool_and(spans.covered) as covered,
        coalesce(min(spans.cause) filter (where spans.namespaces is null), min(spans.cause))
            as cause,
        case
            when not bool_or(spans.namespaces is null)
                then list_sort(flatten(list(spans.namespaces)))
        end as namespaces
    from pieces
    inner join named as spans
        on
            pieces.cluster = spans.cluster
            and pieces.started_at >= spans.started_at
            and pieces.ended_at <= spans.ended_at
    group by pieces.cluster, pieces.started_at, pieces.ended_at
),

compared as (
    select
        *,
        lag({'ended_at': ended_at, 'cause': coalesce(cause, ''), 'namespaces': namespaces}) over (
            partition by cluster
            order by started_at
        ) as before,
        {'ended_at': started_at, 'cause': coalesce(cause, ''), 'namespaces': namespaces} as itself
    from states
),

numbered as (
    select
        *,
        sum(cast(coalesce(before <> itself, true) as integer)) over (
            partition by cluster
            order by started_at
            rows between unbounded preceding and current row
        ) as span
    from compared
)

select
    cluster,
    min(started_at) as started_at,
    max(ended_at) as ended_at,
    covered,
    cause,
    namespaces
from numbered
group by cluster, span, covered, cause, namespaces

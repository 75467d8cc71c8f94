-- title: Coverage
-- title_zh: 覆盖情况
-- question: For which part of the window do snapshots prove that nothing was missed?
-- question_zh: 快照能证明窗口中哪一段没有遗漏？
-- parameters: start, end
-- Rows tile the window for each cluster: covered; a gap between snapshots; or unknown, which
-- is the time before the first and after the last snapshot, and all of it for a cluster
-- whose events were only imported, or that is configured and was never listed. namespaces are those that were listed, null means all. What of
-- them differs from the cluster as a whole follows in rows of its own, whose scope is namespaces.
with imported as (
    select distinct cluster
    from observations
    where
        date >= cast($start as date)
        and date <= cast($end as date)
        and last_seen >= $start
        and last_seen < $end
),

-- The cluster as a whole is group 0 of what is told; groups that are not of the window are left out.
told as (
    select
        cluster,
        'cluster' as scope,
        cast(null as varchar[]) as members,
        started_at,
        ended_at,
        covered,
        cause,
        namespaces
    from coverage
    where started_at < $end
    union all
    select
        cluster,
        'namespaces' as scope,
        coalesce(namespaces, []) as members,
        started_at,
        ended_at,
        covered,
        cause,
        namespaces
    from coverage_by_namespace
    where started_at < $end and ended_at > $start
),

bounds as (
    select
        cluster,
        scope,
        members,
        any_value(namespaces) as namespaces,
        min(started_at) as first_at,
        max(ended_at) as last_at
    from told
    group by cluster, scope, members
),

clusters as (
    select cluster from configured
    union
    select cluster from imported
    union
    select cluster from bounds
),

spans as (
    select
        cluster,
        scope,
        members,
        started_at,
        ended_at,
        case when covered then 'covered' else 'gap' end as state,
        cause,
        namespaces
    from told
    union all
    select
        cluster,
        scope,
        members,
        $start as started_at,
        first_at as ended_at,
        'unknown' as state,
        'before the first snapshot' as cause,
        namespaces
    from bounds
    union all
    select
        cluster,
        scope,
        members,
        last_at as started_at,
        $end as ended_at,
        'unknown' as state,
        'after the last snapshot' as cause,
        namespaces
    from bounds
    union all
    select
        clusters.cluster,
        'cluster' as scope,
        null as members,
        $start as started_at,
        $end as ended_at,
        'unknown' as state,
        'no snapshot' as cause,
        null as namespaces
    from clusters
    anti join bounds on clusters.cluster = bounds.cluster
),

cut as (
    select
        cluster,
        scope,
        members,
        greatest(started_at, $start) as started_at,
        least(ended_at, $end) as ended_at,
        state,
        cause,
        namespaces
    from spans
    where
        started_at < ended_at
        and started_at < $end
        and ended_at > $start
),

-- A group is told where it is not covered just as the cluster is.
tiled as (
    select
        cluster,
        scope,
        members,
        list([started_at, ended_at] order by started_at) filter (where state = 'covered') as covered
    from cut
    group by cluster, scope, members
),

differing as (
    select
        groups.cluster,
        groups.members
    from tiled as groups
    inner join tiled as whole
        on
            groups.cluster = whole.cluster
            and groups.scope = 'namespaces'
            and whole.scope = 'cluster'
    where groups.covered is distinct from whole.covered
)

select
    cut.cluster,
    cut.started_at,
    cut.ended_at,
    cut.state,
    cut.cause,
    (epoch_us(cut.ended_at) - epoch_us(cut.started_at)) / 1e6 as length_seconds,
    cut.scope,
    case
        when cut.scope = 'namespaces' and cut.namespaces is null then '(others)'
        else array_to_string(cut.namespaces, ', ')
    end as namespaces
from cut
left join differing on cut.cluster = differing.cluster and cut.members = differing.members
where cut.scope = 'cluster' or differing.cluster is not null
order by
    cut.cluster,
    cut.scope,
    case when cut.scope = 'namespaces' then array_to_string(cut.namespaces, ', ') end nulls last,
    cut.started_at

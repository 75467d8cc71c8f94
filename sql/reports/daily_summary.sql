-- title: Summary
-- title_zh: 概览
-- question: How much happened in each cluster, how much of it was warnings, and is it more than before?
-- question_zh: 每个集群发生了多少事件，其中多少是警告，比之前多还是少？
-- parameters: start, end
-- One row per cluster that has events or snapshots. The window before is as long and ends
-- where this one starts; its counts are null where neither a snapshot nor an event tells of it.
with placed as (
    select
        cluster,
        last_seen >= $start as inside,
        namespace,
        case
            when object_kind = 'Node' then object_name
            when component = 'kubelet' then host
        end as node,
        count(*) as states,
        sum(occurrences) as occurrences,
        sum(case when type = 'Warning' then occurrences else 0 end) as warnings,
        min(last_seen) as first_event,
        max(last_seen) as last_event
    from events
    where
        date >= cast($start - ($end - $start) as date)
        and date <= cast($end as date)
        and last_seen >= $start - ($end - $start)
        and last_seen < $end
    group by cluster, inside, namespace, node
),

counted as (
    select
        cluster,
        inside,
        sum(states) as states,
        sum(occurrences) as occurrences,
        sum(warnings) as warnings,
        count(distinct namespace) as namespaces,
        count(distinct node) as nodes,
        min(first_event) as first_event,
        max(last_event) as last_event
    from placed
    group by cluster, inside
),

-- Objects are told apart by 64 bits of their names, which is half of the work: of a million two
-- look alike once in 37 million reports.
named as (
    select distinct
        cluster,
        hash(namespace, object_kind, object_name) as object
    from observations
    where
        date >= cast($start as date)
        and date <= cast($end as date)
        and last_seen >= $start
        and last_seen < $end
),

distinct_objects as (
    select
        cluster,
        count(*) as objects
    from named
    group by cluster
),

-- A window without length divides by null and has no share.
proven as (
    select
        cluster,
        sum(epoch_us(least(ended_at, $end)) - epoch_us(greatest(started_at, $start)))
        filter (where covered and ended_at > $start) as covered,
        sum(
            epoch_us(least(ended_at, $start))
            - epoch_us(greatest(started_at, $start - ($end - $start)))
        )
        filter (
            where covered and started_at < $start and ended_at > $start - ($end - $start)
        ) as previously_covered,
        nullif(epoch_us($end) - epoch_us($start), 0) as length
    from coverage
    where started_at < $end
    group by cluster
),

shares as (
    select
        cluster,
        coalesce(covered, 0) / length as covered_share,
        coalesce(previously_covered, 0) / length as previous_covered_share
    from proven
),

clusters as (
    select cluster from counted
    union
    select cluster from shares
)

select
    clusters.cluster,
    cast(coalesce(this.occurrences, 0) as bigint) as occurrences,
    cast(coalesce(this.warnings, 0) as bigint) as warnings,
    coalesce(distinct_objects.objects, 0) as objects,
    coalesce(this.namespaces, 0) as namespaces,
    coalesce(this.nodes, 0) as nodes,
    cast(coalesce(this.states, 0) as bigint) as states,
    shares.covered_share,
    cast(coalesce(
        before.occurrences, case when shares.previous_covered_share > 0 then 0 end
    ) as bigint) as previous_occurrences,
    cast(coalesce(
        before.warnings, case when shares.previous_covered_share > 0 then 0 end
    ) as bigint) as previous_warnings,
    shares.previous_covered_share,
    this.first_event,
    this.last_event
from clusters
left join shares on clusters.cluster = shares.cluster
left join counted as this on clusters.cluster = this.cluster and this.inside
left join counted as before on clusters.cluster = before.cluster and not before.inside
left join distinct_objects on clusters.cluster = distinct_objects.cluster
order by clusters.cluster

-- title: Noisiest workloads
-- title_zh: 最吵的工作负载
-- question: Which Deployments, Jobs, StatefulSets and so on produce most of the events, through how many objects?
-- question_zh: 哪些 Deployment、Job、StatefulSet 等产生的事件最多，涉及多少对象？
-- parameters: start, end, limit=20
-- chart: bar x=occurrences y=workload limit=15
-- One row per workload: what stands behind a pod, a ReplicaSet or a Job, or the object itself.
-- workload_by says how it was found: by events of its controllers where the lake has
-- them, else by the rules of naming; where both were needed, the weaker one is told. share is of
-- all occurrences in the window.
with reasoned as (
    select
        cluster,
        namespace,
        workload_kind,
        workload,
        reason,
        bool_or(workload_by = 'name') as by_name,
        min(workload_by) as workload_by,
        sum(occurrences) as occurrences,
        sum(case when type = 'Warning' then occurrences else 0 end) as warnings,
        max(last_seen) as last_event
    from events
    where
        date >= cast($start as date)
        and date <= cast($end as date)
        and last_seen >= $start
        and last_seen < $end
    group by cluster, namespace, workload_kind, workload, reason
),

summed as (
    select
        cluster,
        namespace,
        workload_kind,
        workload,
        case when bool_or(by_name) then 'name' else min(workload_by) end as workload_by,
        sum(occurrences) as occurrences,
        sum(sum(occurrences)) over () as occurrences_of_all,
        sum(warnings) as warnings,
        count(*) filter (where occurrences > 0) as reasons,
        arg_min(reason, row(-occurrences, reason is null, reason)) as top_reason,
        max(last_event) as last_event
    from reasoned
    group by cluster, namespace, workload_kind, workload
),

noisiest as (
    select *
    from summed
    where occurrences > 0
    order by
        occurrences desc,
        cluster,
        namespace nulls last,
        workload_kind nulls last,
        workload nulls last
    limit $limit
),

-- Only the objects of these few are told apart.
named as (
    select distinct
        noisiest.cluster,
        noisiest.namespace,
        noisiest.workload_kind,
        noisiest.workload,
        events.object_kind,
        events.object_name
    from events
    inner join noisiest
        on
            events.cluster = noisiest.cluster
            and events.namespace is not distinct from noisiest.namespace
            and events.workload_kind is not distinct from noisiest.workload_kind
            and events.workload is not distinct from noisiest.workload
    where
        events.date >= cast($start as date)
        and events.date <= cast($end as date)
        and events.last_seen >= $start
        and events.last_seen < $end
),

objects as (
    select
        cluster,
        namespace,
        workload_kind,
        workload,
        count(*) as objects
    from named
    group by cluster, namespace, workload_kind, workload
)

select
    noisiest.cluster,
    noisiest.namespace,
    noisiest.workload_kind,
    noisiest.workload,
    cast(noisiest.occurrences as bigint) as occurrences,
    cast(noisiest.warnings as bigint) as warnings,
    cast(noisiest.occurrences as double) / noisiest.occurrences_of_all as share,
    objects.objects,
    noisiest.reasons,
    noisiest.top_reason,
    noisiest.workload_by,
    noisiest.last_event
from noisiest
inner join objects
    on
        noisiest.cluster = objects.cluster
        and noisiest.namespace is not distinct from objects.namespace
        and noisiest.workload_kind is not distinct from objects.workload_kind
        and noisiest.workload is not distinct from objects.workload
order by
    noisiest.occurrences desc,
    noisiest.cluster,
    noisiest.namespace nulls last,
    noisiest.workload_kind nulls last,
    noisiest.workload nulls last

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
with objects as (
    select
        cluster,
        namespace,
        workload_kind,
        workload,
        workload_by,
        reason,
        object_kind,
        object_name,
        sum(occurrences) as occurrences,
        sum(case when type = 'Warning' then occurrences else 0 end) as warnings,
        max(last_seen) as last_event
    from events
    where
        date >= cast($start as date)
        and date <= cast($end as date)
        and last_seen >= $start
        and last_seen < $end
    group by
        cluster,
        namespace,
        workload_kind,
        workload,
        workload_by,
        reason,
        object_kind,
        object_name
),

reasoned as (
    select
        cluster,
        namespace,
        workload_kind,
        workload,
        reason,
        sum(occurrences) as occurrences
    from objects
    group by cluster, namespace, workload_kind, workload, reason
),

top_reasons as (
    select
        cluster,
        namespace,
        workload_kind,
        workload,
        count(*) as reasons,
        arg_min(reason, row(-occurrences, reason is null, reason)) as top_reason
    from reasoned
    where occurrences > 0
    group by cluster, namespace, workload_kind, workload
),

summed as (
    select
        cluster,
        namespace,
        workload_kind,
        workload,
        case when bool_or(workload_by = 'name') then 'name' else min(workload_by) end
            as workload_by,
        sum(occurrences) as occurrences,
        sum(sum(occurrences)) over () as occurrences_of_all,
        sum(warnings) as warnings,
        count(distinct row(object_kind, object_name)) as objects,
        max(last_event) as last_event
    from objects
    group by cluster, namespace, workload_kind, workload
)

select
    summed.cluster,
    summed.namespace,
    summed.workload_kind,
    summed.workload,
    cast(summed.occurrences as bigint) as occurrences,
    cast(summed.warnings as bigint) as warnings,
    cast(summed.occurrences as double) / summed.occurrences_of_all as share,
    summed.objects,
    top_reasons.reasons,
    top_reasons.top_reason,
    summed.workload_by,
    summed.last_event
from summed
inner join top_reasons
    on
        summed.cluster = top_reasons.cluster
        and summed.namespace is not distinct from top_reasons.namespace
        and summed.workload_kind is not distinct from top_reasons.workload_kind
        and summed.workload is not distinct from top_reasons.workload
order by
    summed.occurrences desc,
    summed.cluster,
    summed.namespace nulls last,
    summed.workload_kind nulls last,
    summed.workload nulls last
limit $limit

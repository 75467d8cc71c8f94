-- title: Warnings by namespace
-- title_zh: 各命名空间的警告
-- question: Which namespaces are in trouble, and what is their main one?
-- question_zh: 哪些命名空间有问题，主要问题是什么？
-- parameters: start, end, limit=50
-- chart: bar x=warnings y=namespace limit=15
-- One row per cluster and namespace with at least one warning. Events of nodes and other
-- objects without a namespace are kept in `default` by Kubernetes.
with reasoned as (
    select
        cluster,
        namespace,
        reason,
        sum(occurrences) as warnings,
        max(last_seen) as last_event,
        row_number() over (
            partition by cluster, namespace
            order by sum(occurrences) desc, reason nulls last
        ) as rank
    from events
    where
        date >= cast($start as date)
        and date <= cast($end as date)
        and last_seen >= $start
        and last_seen < $end
        and type = 'Warning'
    group by cluster, namespace, reason
    having sum(occurrences) > 0
),

-- Objects are told apart by 64 bits of their names, which is half of the work: of a million two
-- look alike once in 37 million reports.
named as (
    select distinct
        cluster,
        namespace,
        hash(object_kind, object_name) as object
    from events
    where
        date >= cast($start as date)
        and date <= cast($end as date)
        and last_seen >= $start
        and last_seen < $end
        and type = 'Warning'
        and occurrences > 0
),

affected as (
    select
        cluster,
        namespace,
        count(*) as objects
    from named
    group by cluster, namespace
),

summed as (
    select
        cluster,
        namespace,
        sum(warnings) as warnings,
        sum(sum(warnings)) over () as warnings_of_all,
        count(*) as reasons,
        max(last_event) as last_event,
        max(case when rank = 1 then reason end) as top_reason,
        max(case when rank = 1 then warnings end) as top_reason_warnings
    from reasoned
    group by cluster, namespace
)

select
    summed.cluster,
    summed.namespace,
    cast(summed.warnings as bigint) as warnings,
    cast(summed.warnings as double) / summed.warnings_of_all as share,
    affected.objects,
    summed.reasons,
    summed.top_reason,
    cast(summed.top_reason_warnings as bigint) as top_reason_warnings,
    summed.last_event
from summed
inner join affected
    on
        summed.cluster = affected.cluster
        and summed.namespace is not distinct from affected.namespace
order by summed.warnings desc, summed.cluster, summed.namespace nulls last
limit $limit

-- title: Crash loops
-- title_zh: 容器反复崩溃
-- question: Which workloads' containers end again and again, in how many pods, and how often were they started?
-- question_zh: 哪些工作负载的容器反复退出，涉及多少 Pod，被启动了多少次？
-- parameters: start, end, limit=50
-- chart: bar x=back_offs y=workload limit=15
-- One row per workload and container, of the pods that the kubelet held back before a restart.
-- BackOff of type Normal is about pulling an image and has another text. back_offs counts the
-- kubelet's messages and not restarts; starts counts Started of the same containers of the same
-- pods, a restart each but for the first of a pod. A container killed for its memory has no event of
-- its own and shows up here. example_pod is the pod that was held back last.
with held as (
    select
        cluster,
        namespace,
        object_name,
        nullif(regexp_extract(object_field_path, '\{(.*)\}', 1), '') as container,
        arg_max(
            {'kind': workload_kind, 'name': workload}, row(last_seen, workload_kind, workload)
        ) as behind,
        sum(occurrences) as back_offs,
        min(last_seen) as first_event,
        max(last_seen) as last_event
    from events
    where
        date >= cast($start as date)
        and date <= cast($end as date)
        and last_seen >= $start
        and last_seen < $end
        and reason = 'BackOff'
        and object_kind = 'Pod'
        and contains(lower(message), 'back-off restarting failed container')
    group by cluster, namespace, object_name, container
    having sum(occurrences) > 0
),

looping as (
    select
        row_number() over (
            order by
                sum(back_offs) desc,
                cluster,
                namespace nulls last,
                behind.name nulls last,
                behind.kind nulls last,
                container nulls last
        ) as place,
        cluster,
        namespace,
        behind,
        container,
        sum(back_offs) as back_offs,
        count(*) as pods,
        min(first_event) as first_event,
        max(last_event) as last_event,
        arg_max(object_name, row(last_event, object_name)) as example_pod
    from held
    group by cluster, namespace, behind, container
    order by place
    limit $limit
),

-- What only the first are asked for is read of their pods alone.
members as (
    select
        looping.place,
        held.cluster,
        held.namespace,
        held.object_name,
        held.container
    from held
    inner join looping
        on
            held.cluster = looping.cluster
            and held.namespace is not distinct from looping.namespace
            and held.behind is not distinct from looping.behind
            and held.container is not distinct from looping.container
),

started as (
    select
        members.place,
        sum(events.occurrences) as starts
    from events
    inner join members
        on
            events.cluster = members.cluster
            and events.namespace is not distinct from members.namespace
            and events.object_name is not distinct from members.object_name
            and nullif(regexp_extract(events.object_field_path, '\{(.*)\}', 1), '')
            is not distinct from members.container
    where
        events.date >= cast($start as date)
        and events.date <= cast($end as date)
        and events.last_seen >= $start
        and events.last_seen < $end
        and events.reason = 'Started'
        and events.object_kind = 'Pod'
    group by members.place
),

examples as (
    select
        looping.place,
        max(observations.message) as example
    from observations
    inner join looping
        on
            observations.cluster = looping.cluster
            and observations.namespace is not distinct from looping.namespace
            and observations.object_name is not distinct from looping.example_pod
            and observations.last_seen = looping.last_event
            and nullif(regexp_extract(observations.object_field_path, '\{(.*)\}', 1), '')
            is not distinct from looping.container
    where
        observations.date >= cast($start as date)
        and observations.date <= cast($end as date)
        and observations.last_seen >= $start
        and observations.last_seen < $end
        and observations.reason = 'BackOff'
        and observations.object_kind = 'Pod'
        and contains(lower(observations.message), 'back-off restarting failed container')
    group by looping.place
)

select
    looping.cluster,
    looping.namespace,
    looping.behind.kind as workload_kind,
    looping.behind.name as workload,
    looping.container,
    cast(looping.back_offs as bigint) as back_offs,
    cast(coalesce(started.starts, 0) as bigint) as starts,
    looping.pods,
    looping.first_event,
    looping.last_event,
    looping.example_pod,
    examples.example
from looping
left join started on looping.place = started.place
left join examples on looping.place = examples.place
order by looping.place

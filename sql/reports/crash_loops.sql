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
with told as (
    select
        cluster,
        namespace,
        object_name,
        nullif(regexp_extract(object_field_path, '\{(.*)\}', 1), '') as container,
        arg_max(
            {'kind': workload_kind, 'name': workload},
            row(last_seen, workload_kind, workload)
        ) filter (where reason = 'BackOff') as behind,
        sum(occurrences) filter (where reason = 'BackOff') as back_offs,
        coalesce(sum(occurrences) filter (where reason = 'Started'), 0) as starts,
        min(last_seen) filter (where reason = 'BackOff') as first_event,
        max(last_seen) filter (where reason = 'BackOff') as last_event,
        arg_max(message, row(last_seen, message)) filter (where reason = 'BackOff') as example
    from events
    where
        date >= cast($start as date)
        and date <= cast($end as date)
        and last_seen >= $start
        and last_seen < $end
        and reason in ('BackOff', 'Started')
        and object_kind = 'Pod'
        and (reason = 'Started' or contains(lower(message), 'back-off restarting failed container'))
    group by cluster, namespace, object_name, container
    having sum(occurrences) filter (where reason = 'BackOff') > 0
)

select
    cluster,
    namespace,
    behind.kind as workload_kind,
    behind.name as workload,
    container,
    cast(sum(back_offs) as bigint) as back_offs,
    cast(sum(starts) as bigint) as starts,
    count(*) as pods,
    min(first_event) as first_event,
    max(last_event) as last_event,
    arg_max(object_name, row(last_event, object_name)) as example_pod,
    arg_max(example, row(last_event, object_name)) as example
from told
group by cluster, namespace, behind.kind, behind.name, container
order by
    back_offs desc,
    cluster,
    namespace nulls last,
    workload nulls last,
    workload_kind nulls last,
    container nulls last
limit $limit

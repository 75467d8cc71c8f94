-- title: Evictions and memory
-- title_zh: 驱逐与内存不足
-- question: What was evicted, preempted or killed for memory, on which node, and for want of what?
-- question_zh: 什么被驱逐、抢占或因内存不足被杀，在哪个节点，缺什么资源？
-- parameters: start, end, limit=50
-- chart: bar x=occurrences y=reason color=resource limit=15
-- One row per cluster, node, reason and resource. A container that its own memory limit
-- killed has no event of the kubelet: it shows in crash_loops, and here only where a
-- node-problem-detector reports OOMKilling. resource is what the text names, null where it names
-- none. example is the newest message.
with told as (
    select
        cluster,
        case
            when object_kind = 'Node' then object_name
            when component = 'kubelet' then host
        end as node,
        reason,
        component,
        case
            when reason in ('SystemOOM', 'OOMKilling') then 'memory'
            when reason in ('Evicted', 'EvictionThresholdMet')
                then coalesce(
                    nullif(
                        regexp_extract(
                            message, '(?:low on resource: |to reclaim )([a-z-]+(?: inodes)?)', 1
                        ),
                        ''
                    ),
                    case regexp_extract(message, 'had condition: \[(\w+)', 1)
                        when 'MemoryPressure' then 'memory'
                        when 'DiskPressure' then 'ephemeral-storage'
                        when 'PIDPressure' then 'pids'
                    end,
                    case
                        when
                            regexp_matches(message, 'ephemeral (local )?storage|EmptyDir')
                            then 'ephemeral-storage'
                    end
                )
        end as resource,
        namespace,
        object_kind,
        object_name,
        sum(occurrences) as occurrences,
        min(last_seen) as first_event,
        max(last_seen) as last_event,
        arg_max(message, row(last_seen, message)) as example
    from events
    where
        date >= cast($start as date)
        and date <= cast($end as date)
        and last_seen >= $start
        and last_seen < $end
        and reason in (
            select unnest([
                'DeletingAllPods',
                'DeviceTaintManagerEviction',
                'Evicted',
                'EvictedByVPA',
                'EvictionThresholdMet',
                'NodeControllerEviction',
                'OOMKilling',
                'Preempted',
                'Preempting',
                'SystemOOM',
                'TaintManagerEviction'
            ])
        )
    group by
        cluster,
        node,
        reason,
        component,
        resource,
        namespace,
        object_kind,
        object_name
    having sum(occurrences) > 0
)

select
    cluster,
    node,
    reason,
    resource,
    cast(sum(occurrences) as bigint) as occurrences,
    count(*) as objects,
    count(distinct namespace) as namespaces,
    component,
    min(first_event) as first_event,
    max(last_event) as last_event,
    arg_max(example, row(last_event, example)) as example
from told
group by cluster, node, reason, resource, component
order by
    occurrences desc,
    cluster,
    node nulls last,
    reason,
    resource nulls last,
    component nulls last
limit $limit

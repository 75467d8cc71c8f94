-- title: Nodes
-- title_zh: 节点状况
-- question: Which nodes were in trouble, with what, and are they well again?
-- question_zh: 哪些节点出过问题，是什么问题，是否已恢复？
-- parameters: start, end, limit=50
-- chart: bar x=occurrences y=node color=condition limit=15
-- One row per node and condition that was reported bad in the window; these events are of type Normal,
-- so a list of warnings does not have them. NodeNotReady of a Pod is about the pod and not counted.
-- The kubelet and the node controller may both tell of one change, so occurrences is the
-- greater of the two and not their sum. last_reason is what was said last, and state what
-- it means: bad, well, or null where nothing ever says that it is over.
with meanings (reason, condition, state) as (
    values
    ('NodeNotReady', 'Ready', 'bad'),
    ('NodeReady', 'Ready', 'well'),
    ('NodeHasInsufficientMemory', 'MemoryPressure', 'bad'),
    ('NodeHasSufficientMemory', 'MemoryPressure', 'well'),
    ('NodeHasDiskPressure', 'DiskPressure', 'bad'),
    ('NodeHasNoDiskPressure', 'DiskPressure', 'well'),
    ('NodeHasInsufficientPID', 'PIDPressure', 'bad'),
    ('NodeHasSufficientPID', 'PIDPressure', 'well'),
    ('NodeNotSchedulable', 'Cordoned', 'bad'),
    ('NodeSchedulable', 'Cordoned', 'well'),
    ('Rebooted', 'Rebooted', null),
    ('Shutdown', 'Shutdown', null),
    ('Starting', 'KubeletStarted', null),
    ('RemovingNode', 'Removed', null)
),

told as (
    select
        events.cluster,
        events.object_name as node,
        meanings.condition,
        meanings.state,
        events.reason,
        events.component,
        sum(events.occurrences) as occurrences,
        min(events.last_seen) as first_event,
        max(events.last_seen) as last_event
    from events
    inner join meanings on events.reason = meanings.reason
    where
        events.date >= cast($start as date)
        and events.date <= cast($end as date)
        and events.last_seen >= $start
        and events.last_seen < $end
        and events.object_kind = 'Node'
        -- kube-proxy says Starting of its node, too.
        and (events.reason != 'Starting' or events.component = 'kubelet')
    group by
        events.cluster,
        events.object_name,
        meanings.condition,
        meanings.state,
        events.reason,
        events.component
),

judged as (
    select
        cluster,
        node,
        condition,
        max(occurrences) filter (where state is distinct from 'well') as occurrences,
        coalesce(max(occurrences) filter (where state = 'well'), 0) as recoveries,
        min(first_event) filter (where state is distinct from 'well') as first_event,
        -- At the same moment bad wins: nobody is called well too early.
        arg_max(
            {'reason': reason, 'state': state, 'event': last_event},
            row(last_event, state is distinct from 'well')
        ) as last
    from told
    group by cluster, node, condition
)

select
    cluster,
    node,
    condition,
    last.state,
    cast(occurrences as bigint) as occurrences,
    cast(recoveries as bigint) as recoveries,
    first_event,
    last.event as last_event,
    last.reason as last_reason
from judged
where occurrences > 0
order by
    last.state is not distinct from 'bad' desc,
    occurrences desc,
    cluster,
    node nulls last,
    condition
limit $limit

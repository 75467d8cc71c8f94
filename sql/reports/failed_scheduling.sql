-- title: Failed scheduling
-- title_zh: 调度失败
-- question: Why could pods not be scheduled, and how many nodes did each cause rule out?
-- question_zh: Pod 为什么无法调度，每种原因排除了多少节点？
-- parameters: start, end, limit=30
-- chart: bar x=occurrences y=cause limit=15
-- One row per cluster and cause. A message lists several causes, each with the nodes that it rules
-- out, and counts for each of them, so that occurrences do not add up. What preemption would have
-- changed is left out. most_nodes is the greatest number of nodes that one message told. Where a
-- message lists no causes, it is the cause itself, without names and numbers.
with texts as (
    select
        cluster,
        namespace,
        object_name,
        message,
        sum(occurrences) as occurrences,
        min(last_seen) as first_event,
        max(last_seen) as last_event
    from events
    where
        date >= cast($start as date)
        and date <= cast($end as date)
        and last_seen >= $start
        and last_seen < $end
        and reason = 'FailedScheduling'
    group by cluster, namespace, object_name, message
    having sum(occurrences) > 0
),

listed as (
    select
        message,
        rtrim(regexp_extract(
            split_part(message, ' preemption:', 1),
            'nodes are available(?: that match all of the predicates)?: (.*)',
            1,
            's'
        ), '. ') as list
    from texts
    group by message
),

split as (
    select
        message,
        unnest(
            case
                -- Before Kubernetes 1.9 the number stood behind: Insufficient cpu (1).
                when regexp_matches(list, '\(\d+\)')
                    then regexp_extract_all(list, '([^,()]+) \(\d+\)', 1)
                when regexp_matches(list, '(^|, )\d+ ')
                    then regexp_extract_all(list, '(?:^|, )\d+ ([^,]+)', 1)
                when list != '' then [list]
                else [
                    regexp_replace(
                        left(message, 120), '"[^"]*"|[\w.-]+/[\w.-]+|\d+', '*', 'g'
                    )
                ]
            end
        ) as cause,
        unnest(
            case
                when regexp_matches(list, '\(\d+\)')
                    then regexp_extract_all(list, '\((\d+)\)', 1)
                when regexp_matches(list, '(^|, )\d+ ')
                    then regexp_extract_all(list, '(?:^|, )(\d+) [^,]+', 1)
                else [cast(null as varchar)]
            end
        ) as nodes
    from listed
),

causes as (
    select
        message,
        trim(cause) as cause,
        max(try_cast(nodes as bigint)) as nodes
    from split
    group by message, trim(cause)
)

select
    texts.cluster,
    causes.cause,
    cast(sum(texts.occurrences) as bigint) as occurrences,
    count(distinct row(texts.namespace, texts.object_name)) as pods,
    count(distinct texts.namespace) as namespaces,
    max(causes.nodes) as most_nodes,
    min(texts.first_event) as first_event,
    max(texts.last_event) as last_event,
    arg_max(texts.message, row(texts.last_event, texts.message)) as example
from texts
inner join causes on texts.message is not distinct from causes.message
group by texts.cluster, causes.cause
order by occurrences desc, texts.cluster, causes.cause nulls last
limit $limit

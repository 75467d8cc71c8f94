-- title: Noisiest objects
-- title_zh: 最吵的对象
-- question: Which objects produce most of the events, and what do they say?
-- question_zh: 哪些对象产生的事件最多，它们在说什么？
-- parameters: start, end, limit=20
-- chart: bar x=occurrences y=object_name limit=15
-- One row per object. share is of all occurrences in the window; example is the newest
-- message of the object's top reason.
-- Objects are first summed by 64 bits of their names, which is half of the work, and those that
-- may be among the first are then summed by their names.
with objects as (
    select
        hash(cluster, namespace, object_kind, object_name) as object,
        sum(occurrences) as occurrences
    from events
    where
        date >= cast($start as date)
        and date <= cast($end as date)
        and last_seen >= $start
        and last_seen < $end
    group by object
),

greatest_ones as (
    select occurrences
    from objects
    order by occurrences desc
    limit $limit
),

candidates as (
    select object
    from objects
    where occurrences >= greatest(1, (select min(occurrences) from greatest_ones))
),

total as (
    select sum(occurrences) as occurrences_of_all
    from objects
),

reasoned as (
    select
        events.cluster,
        events.namespace,
        events.object_kind,
        events.object_name,
        events.reason,
        sum(case when events.type = 'Warning' then events.occurrences else 0 end) as warnings,
        sum(events.occurrences) as occurrences,
        min(events.last_seen) as first_event,
        max(events.last_seen) as last_event,
        arg_min(events.message, row(-epoch_us(events.last_seen), events.message)) as example
    from events
    where
        events.date >= cast($start as date)
        and events.date <= cast($end as date)
        and events.last_seen >= $start
        and events.last_seen < $end
        and hash(events.cluster, events.namespace, events.object_kind, events.object_name) in (
            select object from candidates
        )
    group by
        events.cluster, events.namespace, events.object_kind, events.object_name, events.reason
),

summed as (
    select
        cluster,
        namespace,
        object_kind,
        object_name,
        sum(occurrences) as occurrences,
        sum(warnings) as warnings,
        count(*) as reasons,
        arg_min(
            {'reason': reason, 'example': example}, row(-occurrences, reason is null, reason)
        ) as top,
        min(first_event) as first_event,
        max(last_event) as last_event
    from reasoned
    group by cluster, namespace, object_kind, object_name
)

select
    summed.cluster,
    summed.namespace,
    summed.object_kind,
    summed.object_name,
    cast(summed.occurrences as bigint) as occurrences,
    cast(summed.warnings as bigint) as warnings,
    cast(summed.occurrences as double) / total.occurrences_of_all as share,
    summed.reasons,
    summed.top.reason as top_reason,
    summed.first_event,
    summed.last_event,
    summed.top.example
from summed
cross join total
order by
    summed.occurrences desc,
    summed.cluster,
    summed.namespace nulls last,
    summed.object_kind nulls last,
    summed.object_name nulls last
limit $limit

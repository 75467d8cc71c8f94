-- title: Noisiest objects
-- title_zh: 最吵的对象
-- question: Which objects produce most of the events, and what do they say?
-- question_zh: 哪些对象产生的事件最多，它们在说什么？
-- parameters: start, end, limit=20
-- chart: bar x=occurrences y=object_name limit=15
-- One row per object. share is of all occurrences in the window; example is the newest
-- message of the object's top reason.
with objects as (
    select
        cluster,
        namespace,
        object_kind,
        object_name,
        sum(occurrences) as occurrences
    from events
    where
        date >= cast($start as date)
        and date <= cast($end as date)
        and last_seen >= $start
        and last_seen < $end
    group by cluster, namespace, object_kind, object_name
),

total as (
    select sum(occurrences) as occurrences_of_all
    from events
    where
        date >= cast($start as date)
        and date <= cast($end as date)
        and last_seen >= $start
        and last_seen < $end
),

noisiest as (
    select
        objects.*,
        total.occurrences_of_all
    from objects
    cross join total
    where objects.occurrences > 0
    order by
        objects.occurrences desc,
        objects.cluster,
        objects.namespace nulls last,
        objects.object_kind nulls last,
        objects.object_name nulls last
    limit $limit
),

-- Most rows are a group of their own by object and reason; this reads the few again.
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
    inner join noisiest
        on
            events.cluster = noisiest.cluster
            and events.namespace is not distinct from noisiest.namespace
            and events.object_kind is not distinct from noisiest.object_kind
            and events.object_name is not distinct from noisiest.object_name
    where
        events.date >= cast($start as date)
        and events.date <= cast($end as date)
        and events.last_seen >= $start
        and events.last_seen < $end
    group by
        events.cluster, events.namespace, events.object_kind, events.object_name, events.reason
),

summed as (
    select
        cluster,
        namespace,
        object_kind,
        object_name,
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
    noisiest.cluster,
    noisiest.namespace,
    noisiest.object_kind,
    noisiest.object_name,
    cast(noisiest.occurrences as bigint) as occurrences,
    cast(summed.warnings as bigint) as warnings,
    cast(noisiest.occurrences as double) / noisiest.occurrences_of_all as share,
    summed.reasons,
    summed.top.reason as top_reason,
    summed.first_event,
    summed.last_event,
    summed.top.example
from noisiest
inner join summed
    on
        noisiest.cluster = summed.cluster
        and noisiest.namespace is not distinct from summed.namespace
        and noisiest.object_kind is not distinct from summed.object_kind
        and noisiest.object_name is not distinct from summed.object_name
order by
    noisiest.occurrences desc,
    noisiest.cluster,
    noisiest.namespace nulls last,
    noisiest.object_kind nulls last,
    noisiest.object_name nulls last

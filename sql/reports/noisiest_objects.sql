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
        sum(occurrences) as occurrences,
        sum(sum(occurrences)) over () as occurrences_of_all,
        sum(case when type = 'Warning' then occurrences else 0 end) as warnings,
        min(last_seen) as first_event,
        max(last_seen) as last_event
    from events
    where
        date >= cast($start as date)
        and date <= cast($end as date)
        and last_seen >= $start
        and last_seen < $end
    group by cluster, namespace, object_kind, object_name
),

noisiest as (
    select
        cluster,
        namespace,
        object_kind,
        object_name,
        occurrences,
        occurrences_of_all,
        warnings,
        first_event,
        last_event
    from objects
    where occurrences > 0
    order by
        occurrences desc,
        cluster,
        namespace nulls last,
        object_kind nulls last,
        object_name nulls last
    limit $limit
),

-- Grouping everything by reason as well would make most rows a group; this reads the few again.
reasoned as (
    select
        events.cluster,
        events.namespace,
        events.object_kind,
        events.object_name,
        events.reason,
        max(events.last_seen) as last_event,
        count(*) over (
            partition by
                events.cluster, events.namespace, events.object_kind, events.object_name
        ) as reasons,
        row_number() over (
            partition by
                events.cluster, events.namespace, events.object_kind, events.object_name
            order by sum(events.occurrences) desc, events.reason nulls last
        ) as rank
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

top_reasons as (
    select
        cluster,
        namespace,
        object_kind,
        object_name,
        reason,
        reasons,
        last_event
    from reasoned
    where rank = 1
),

-- The text is read for these few states only: it is most of the bytes of the lake.
examples as (
    select
        top_reasons.cluster,
        top_reasons.namespace,
        top_reasons.object_kind,
        top_reasons.object_name,
        min(observations.message) as example
    from observations
    inner join top_reasons
        on
            observations.cluster = top_reasons.cluster
            and observations.last_seen = top_reasons.last_event
            and observations.namespace is not distinct from top_reasons.namespace
            and observations.object_kind is not distinct from top_reasons.object_kind
            and observations.object_name is not distinct from top_reasons.object_name
            and observations.reason is not distinct from top_reasons.reason
    where
        observations.date >= cast($start as date)
        and observations.date <= cast($end as date)
        and observations.last_seen >= $start
        and observations.last_seen < $end
    group by
        top_reasons.cluster,
        top_reasons.namespace,
        top_reasons.object_kind,
        top_reasons.object_name
)

select
    noisiest.cluster,
    noisiest.namespace,
    noisiest.object_kind,
    noisiest.object_name,
    cast(noisiest.occurrences as bigint) as occurrences,
    cast(noisiest.warnings as bigint) as warnings,
    cast(noisiest.occurrences as double) / noisiest.occurrences_of_all as share,
    top_reasons.reasons,
    top_reasons.reason as top_reason,
    noisiest.first_event,
    noisiest.last_event,
    examples.example
from noisiest
inner join top_reasons
    on
        noisiest.cluster = top_reasons.cluster
        and noisiest.namespace is not distinct from top_reasons.namespace
        and noisiest.object_kind is not distinct from top_reasons.object_kind
        and noisiest.object_name is not distinct from top_reasons.object_name
left join examples
    on
        noisiest.cluster = examples.cluster
        and noisiest.namespace is not distinct from examples.namespace
        and noisiest.object_kind is not distinct from examples.object_kind
        and noisiest.object_name is not distinct from examples.object_name
order by
    noisiest.occurrences desc,
    noisiest.cluster,
    noisiest.namespace nulls last,
    noisiest.object_kind nulls last,
    noisiest.object_name nulls last

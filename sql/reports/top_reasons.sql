-- title: Top reasons
-- title_zh: 最常见的原因
-- question: What happened most, to how many objects, and what does it mean?
-- question_zh: 什么发生得最多，影响了多少对象，意味着什么？
-- parameters: start, end, limit=20
-- chart: bar x=occurrences y=reason color=type limit=15
-- One row per reason, type and component, because components use one word for different
-- things. share is of all occurrences in the window. meaning is the catalogue's, where it
-- knows exactly one for this reason, type and component.
-- Rows and objects are told apart by 64 bits of their names, which is half of the work: of a
-- million two look alike once in 37 million reports.
with reasoned as (
    select
        reason,
        type,
        component,
        hash(reason, type, component) as told,
        sum(occurrences) as occurrences,
        sum(sum(occurrences)) over () as occurrences_of_all,
        max(last_seen) as last_event
    from events
    where
        date >= cast($start as date)
        and date <= cast($end as date)
        and last_seen >= $start
        and last_seen < $end
    group by reason, type, component
),

named as (
    select distinct
        hash(reason, type, component) as told,
        namespace,
        hash(cluster, object_kind, object_name) as object
    from events
    where
        date >= cast($start as date)
        and date <= cast($end as date)
        and last_seen >= $start
        and last_seen < $end
),

by_namespace as (
    select
        told,
        namespace,
        count(*) as objects
    from named
    group by told, namespace
),

touched as (
    select
        told,
        cast(sum(objects) as bigint) as objects,
        count(namespace) as namespaces
    from by_namespace
    group by told
),

catalogue as (
    select
        reason,
        meaning,
        unnest(string_split(type, '|')) as type,
        string_split(regexp_replace(component, ' \(.*\)$', ''), '|') as components
    from reasons
),

meanings as (
    select
        reasoned.reason,
        reasoned.type,
        reasoned.component,
        min(catalogue.meaning) as meaning
    from reasoned
    inner join catalogue
        on
            reasoned.reason = catalogue.reason
            and reasoned.type = catalogue.type
            and (
                list_contains(catalogue.components, reasoned.component)
                -- Words such as <schedulerName> stand for whatever name was configured.
                or regexp_matches(catalogue.components[1], '^(<|any )')
            )
    group by reasoned.reason, reasoned.type, reasoned.component
    having count(distinct catalogue.meaning) = 1
)

select
    reasoned.reason,
    reasoned.type,
    reasoned.component,
    cast(reasoned.occurrences as bigint) as occurrences,
    cast(reasoned.occurrences as double) / reasoned.occurrences_of_all as share,
    touched.objects,
    touched.namespaces,
    reasoned.last_event,
    meanings.meaning
from reasoned
inner join touched on reasoned.told = touched.told
left join meanings
    on
        reasoned.reason is not distinct from meanings.reason
        and reasoned.type is not distinct from meanings.type
        and reasoned.component is not distinct from meanings.component
where reasoned.occurrences > 0
order by
    reasoned.occurrences desc,
    reasoned.reason nulls last,
    reasoned.type nulls last,
    reasoned.component nulls last
limit $limit

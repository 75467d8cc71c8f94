-- title: First seen
-- title_zh: 首次出现
-- question: What happened that had never happened in this cluster before?
-- question_zh: 哪些事情是这个集群以前从未发生过的？
-- parameters: start, end, limit=50
-- One row per cluster, reason and kind of object whose first state in the lake lies in the
-- window. It looks over all of the lake before $start, but only for the pairs that the
-- window holds and only at three short columns. history_from is the first day that the lake
-- has of the cluster: where it is the window's own, everything is new and proves little.
with pairs as (
    select
        cluster,
        reason,
        object_kind,
        sum(occurrences) as occurrences,
        min(last_seen) as first_event
    from events
    where
        date >= cast($start as date)
        and date <= cast($end as date)
        and last_seen >= $start
        and last_seen < $end
    group by cluster, reason, object_kind
),

earlier as (
    select distinct
        observations.cluster,
        observations.reason,
        observations.object_kind
    from observations
    where
        observations.date <= cast($start as date)
        and observations.last_seen < $start
),

fresh as (
    select
        pairs.*,
        row_number() over (order by pairs.cluster, pairs.reason, pairs.object_kind) as pair
    from pairs
    anti join earlier
        on
            pairs.cluster = earlier.cluster
            and pairs.reason is not distinct from earlier.reason
            and pairs.object_kind is not distinct from earlier.object_kind
),

firsts as (
    select
        fresh.pair,
        fresh.cluster,
        fresh.reason,
        fresh.object_kind,
        fresh.first_event,
        fresh.occurrences,
        observations.type,
        observations.component,
        observations.message as example
    from observations
    inner join fresh
        on
            observations.cluster = fresh.cluster
            and observations.last_seen = fresh.first_event
            and observations.reason is not distinct from fresh.reason
            and observations.object_kind is not distinct from fresh.object_kind
    where
        observations.date >= cast($start as date)
        and observations.date <= cast($end as date)
        and observations.last_seen >= $start
        and observations.last_seen < $end
    qualify row_number() over (
        partition by fresh.pair
        order by observations.uid, observations.n
    ) = 1
),

-- In a lake of months few pairs are fresh: only their objects are told apart, by 64 bits of their
-- names, which is half of the work: of a million two look alike once in 37 million reports.
named as (
    select distinct
        fresh.pair,
        observations.namespace,
        hash(observations.object_name) as object
    from observations
    inner join fresh
        on
            observations.cluster = fresh.cluster
            and observations.reason is not distinct from fresh.reason
            and observations.object_kind is not distinct from fresh.object_kind
    where
        observations.date >= cast($start as date)
        and observations.date <= cast($end as date)
        and observations.last_seen >= $start
        and observations.last_seen < $end
),

by_namespace as (
    select
        pair,
        namespace,
        count(*) as objects
    from named
    group by pair, namespace
),

touched as (
    select
        pair,
        cast(sum(objects) as bigint) as objects,
        count(namespace) as namespaces
    from by_namespace
    group by pair
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
        firsts.reason,
        firsts.type,
        firsts.component,
        min(catalogue.meaning) as meaning
    from firsts
    inner join catalogue
        on
            firsts.reason = catalogue.reason
            and firsts.type = catalogue.type
            and (
                list_contains(catalogue.components, firsts.component)
                -- Words such as <schedulerName> stand for whatever name was configured.
                or regexp_matches(catalogue.components[1], '^(<|any )')
            )
    group by firsts.reason, firsts.type, firsts.component
    having count(distinct catalogue.meaning) = 1
),

history as (
    select
        cluster,
        min(date) as history_from
    from observations
    where date <= cast($end as date)
    group by cluster
)

select
    firsts.cluster,
    firsts.reason,
    firsts.object_kind,
    firsts.type,
    firsts.component,
    firsts.first_event,
    cast(firsts.occurrences as bigint) as occurrences,
    touched.objects,
    touched.namespaces,
    meanings.meaning,
    firsts.example,
    history.history_from
from firsts
left join meanings
    on
        firsts.reason = meanings.reason
        and firsts.type = meanings.type
        and firsts.component is not distinct from meanings.component
inner join touched on firsts.pair = touched.pair
left join history on firsts.cluster = history.cluster
order by
    firsts.type desc nulls last,
    firsts.occurrences desc,
    firsts.cluster,
    firsts.reason nulls last,
    firsts.object_kind nulls last
limit $limit

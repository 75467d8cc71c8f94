-- title: First seen
-- question: Which reasons has the lake never seen on this kind of object before the window?
-- parameters: $since, how far back the lake is asked; $start, $end; $clusters, those with enough history
-- The catalogue is asked by reason, kind and type: BackOff of type Normal is about an image,
-- of type Warning about a crash. Several meanings of one reason are all told.
with
known as (
    select
        cluster,
        reason,
        object_kind,
        arg_max(type, row(last_seen, type)) as type,
        cast(sum(occurrences) as bigint) as occurrences,
        min(coalesce(first_seen, last_seen)) as first_seen,
        min(last_seen) as earliest,
        arg_max(message, row(last_seen, message)) as example
    from events
    where
        date >= cast($since as date)
        and date <= cast($end as date)
        and last_seen >= $since
        and last_seen < $end
        and list_contains($clusters, cluster)
    group by cluster, reason, object_kind
),

fresh as (
    select
        cluster,
        reason,
        object_kind,
        type,
        occurrences,
        first_seen,
        example
    from known
    where earliest >= $start
)

select
    fresh.cluster,
    fresh.reason,
    fresh.object_kind,
    fresh.type,
    fresh.occurrences,
    fresh.first_seen,
    coalesce(string_agg(distinct reasons.meaning, '; ' order by reasons.meaning), '') as meaning,
    fresh.example
from fresh
left join reasons
    on
        fresh.reason = reasons.reason
        and list_contains(string_split(reasons.type, '|'), fresh.type)
        and (
            reasons.kind = 'any'
            or list_contains(string_split_regex(reasons.kind, '[,/]'), fresh.object_kind)
        )
group by all
order by fresh.type desc, fresh.occurrences desc, fresh.cluster, fresh.reason, fresh.object_kind

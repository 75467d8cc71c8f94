-- title: First seen
-- question: Which reasons occurred in the window on which kind of object, and what do they mean?
-- parameters: $start, $end; $clusters, those with enough history
-- What rules/seen_before tells is known and taken away. The catalogue is asked by reason, kind
-- and type: BackOff of type Normal is about an image, of type Warning about a crash. Several
-- meanings of one reason are all told.
with
occurred as (
    select
        cluster,
        reason,
        object_kind,
        arg_max(type, row(last_seen, type)) as type,
        cast(sum(occurrences) as bigint) as occurrences,
        min(coalesce(first_seen, last_seen)) as first_seen,
        arg_max(message, row(last_seen, message)) as example
    from events
    where
        date >= cast($start as date)
        and date <= cast($end as date)
        and last_seen >= $start
        and last_seen < $end
        and list_contains($clusters, cluster)
    group by cluster, reason, object_kind
)

select
    occurred.cluster,
    occurred.reason,
    occurred.object_kind,
    occurred.type,
    occurred.occurrences,
    occurred.first_seen,
    coalesce(string_agg(distinct reasons.meaning, '; ' order by reasons.meaning), '') as meaning,
    occurred.example
from occurred
left join reasons
    on
        occurred.reason = reasons.reason
        and list_contains(string_split(reasons.type, '|'), occurred.type)
        and (
            reasons.kind = 'any'
            or list_contains(string_split_regex(reasons.kind, '[,/]'), occurred.object_kind)
        )
group by all
order by
    occurred.type desc,
    occurred.occurrences desc,
    occurred.cluster,
    occurred.reason,
    occurred.object_kind

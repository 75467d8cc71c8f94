-- title: Match
-- question: How often did what a declarative rule matches occur in the window, and how often in the baseline before it?
-- parameters: $base, $start, $end; $by names the label columns to group by; for each column a list
--   of texts that it must equal ($…_in) or not equal ($…_not_in), and a regular expression that it
--   must match ($…_matches) or not match ($…_not_matches). Null means no condition.
--   For what is usual: $clusters with enough history, the $known days of each and in $scales what
--   turns a sum over its baseline into the mean of a span as long as the window; $known_of_all and
--   $scale_of_all over all of them; $method, mean or median; $days, the window's length in days,
--   and $span_days the baseline's, a day that is cut short is one.
-- Asked of what rules/candidates has put together, never of all events.
-- A column that is null counts as an empty text, as Alertmanager takes a missing label.
-- Equality stands bare, not on coalesce(), so that it reaches the Parquet scan as a filter.
-- An event about a Node names its node as the object; others are told by the reporter's host.
-- Flag s: a dot matches line breaks too, because messages have several lines.
with
placed as (
    select
        cluster,
        namespace,
        reason,
        type,
        object_kind as kind,
        object_name as name,
        component,
        message,
        last_seen,
        happened_at,
        occurrences,
        coalesce(case when object_kind = 'Node' then object_name end, host) as node
    from events
    where
        date >= cast($base as date)
        and date <= cast($end as date)
        and last_seen >= $base
        and last_seen < $end
),

matching as (
    select
        cluster,
        namespace,
        reason,
        type,
        kind,
        name,
        node,
        component,
        message,
        last_seen,
        happened_at,
        occurrences
    from placed
    where
        (
            $type_in is null
            or list_contains($type_in, type)
            or (type is null and list_contains($type_in, ''))
        )
        and ($type_not_in is null or not list_contains($type_not_in, coalesce(type, '')))
        and ($type_matches is null or regexp_full_match(coalesce(type, ''), $type_matches, 's'))
        and (
            $type_not_matches is null
            or not regexp_full_match(coalesce(type, ''), $type_not_matches, 's')
        )
        and (
            $reason_in is null
            or list_contains($reason_in, reason)
            or (reason is null and list_contains($reason_in, ''))
        )
        and ($reason_not_in is null or not list_contains($reason_not_in, coalesce(reason, '')))
        and (
            $reason_matches is null
            or regexp_full_match(coalesce(reason, ''), $reason_matches, 's')
        )
        and (
            $reason_not_matches is null
            or not regexp_full_match(coalesce(reason, ''), $reason_not_matches, 's')
        )
        and (
            $namespace_in is null
            or list_contains($namespace_in, namespace)
            or (namespace is null and list_contains($namespace_in, ''))
        )
        and (
            $namespace_not_in is null
            or not list_contains($namespace_not_in, coalesce(namespace, ''))
        )
        and (
            $namespace_matches is null
            or regexp_full_match(coalesce(namespace, ''), $namespace_matches, 's')
        )
        and (
            $namespace_not_matches is null
            or not regexp_full_match(coalesce(namespace, ''), $namespace_not_matches, 's')
        )
        and (
            $kind_in is null
            or list_contains($kind_in, kind)
            or (kind is null and list_contains($kind_in, ''))
        )
        and ($kind_not_in is null or not list_contains($kind_not_in, coalesce(kind, '')))
        and ($kind_matches is null or regexp_full_match(coalesce(kind, ''), $kind_matches, 's'))
        and (
            $kind_not_matches is null
            or not regexp_full_match(coalesce(kind, ''), $kind_not_matches, 's')
        )
        and (
            $name_in is null
            or list_contains($name_in, name)
            or (name is null and list_contains($name_in, ''))
        )
        and ($name_not_in is null or not list_contains($name_not_in, coalesce(name, '')))
        and ($name_matches is null or regexp_full_match(coalesce(name, ''), $name_matches, 's'))
        and (
            $name_not_matches is null
            or not regexp_full_match(coalesce(name, ''), $name_not_matches, 's')
        )
        and (
            $node_in is null
            or list_contains($node_in, node)
            or (node is null and list_contains($node_in, ''))
        )
        and ($node_not_in is null or not list_contains($node_not_in, coalesce(node, '')))
        and ($node_matches is null or regexp_full_match(coalesce(node, ''), $node_matches, 's'))
        and (
            $node_not_matches is null
            or not regexp_full_match(coalesce(node, ''), $node_not_matches, 's')
        )
        and (
            $component_in is null
            or list_contains($component_in, component)
            or (component is null and list_contains($component_in, ''))
        )
        and (
            $component_not_in is null
            or not list_contains($component_not_in, coalesce(component, ''))
        )
        and (
            $component_matches is null
            or regexp_full_match(coalesce(component, ''), $component_matches, 's')
        )
        and (
            $component_not_matches is null
            or not regexp_full_match(coalesce(component, ''), $component_not_matches, 's')
        )
        and (
            $message_in is null
            or list_contains($message_in, message)
            or (message is null and list_contains($message_in, ''))
        )
        and ($message_not_in is null or not list_contains($message_not_in, coalesce(message, '')))
        and (
            $message_matches is null
            or regexp_full_match(coalesce(message, ''), $message_matches, 's')
        )
        and (
            $message_not_matches is null
            or not regexp_full_match(coalesce(message, ''), $message_not_matches, 's')
        )
),

counted as (
    select
        case when list_contains($by, 'cluster') then coalesce(cluster, '') end as cluster,
        case when list_contains($by, 'namespace') then coalesce(namespace, '') end as namespace,
        case when list_contains($by, 'reason') then coalesce(reason, '') end as reason,
        case when list_contains($by, 'type') then coalesce(type, '') end as type,
        case when list_contains($by, 'kind') then coalesce(kind, '') end as kind,
        case when list_contains($by, 'name') then coalesce(name, '') end as name,
        case when list_contains($by, 'node') then coalesce(node, '') end as node,
        case when list_contains($by, 'component') then coalesce(component, '') end as component,
        coalesce(sum(occurrences) filter (where last_seen >= $start), 0) as value,
        coalesce(sum(occurrences) filter (where last_seen < $start), 0) as baseline_total,
        -- Which day of the baseline, and how often: for a median alone.
        list([date_diff('second', $base, last_seen) // 86400, cast(occurrences as bigint)]) filter (
            where $method = 'median' and last_seen < $start
        ) as baseline_days,
        max(happened_at) filter (where last_seen >= $start) as last_seen,
        arg_max(message, row(happened_at, message)) filter (where last_seen >= $start) as message
    from matching
    group by all
),

compared as (
    select
        *,
        case
            when list_contains($by, 'cluster')
                then list_extract($scales, list_position($clusters, cluster))
            else cast($scale_of_all as double)
        end as scale,
        case
            when list_contains($by, 'cluster')
                then list_extract($known, list_position($clusters, cluster))
            else cast($known_of_all as bigint)
        end as known
    from counted
),

daily as (
    select
        *,
        -- A day of which nothing is told but that it is known counts as none.
        list_slice(
            list_reverse_sort(
                [
                    coalesce(list_sum([pair[2] for pair in baseline_days if pair[1] = nth]), 0)
                    for nth in range(cast($span_days as bigint))
                ]
            ),
            1,
            known
        ) as each_day
    from compared
)

select
    cluster,
    namespace,
    reason,
    type,
    kind,
    name,
    node,
    component,
    cast(value as bigint) as value,
    cast(
        case
            when $method = 'mean' then baseline_total * scale
            when scale is not null then list_median(each_day) * $days
        end
        as double
    ) as baseline,
    last_seen,
    message
from daily
order by value desc, cluster, namespace, reason, type, kind, name, node, component

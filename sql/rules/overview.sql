-- title: Overview
-- question: How often did each reason occur on each object, in the window and in the baseline before it?
-- parameters: $base, $start, $end; $clusters, $since, $until, $latest, $daily as in rules/candidates
-- Asked once for all parts of a digest that add up occurrences, which are then asked about these
-- rows. States are put together, apart for window and baseline, at the time of the newest. Objects
-- and the text of the newest are kept of the window alone: no question about the baseline asks for
-- them, and they would be seven of eight rows.
-- What was learned in the window counts at a time in it, as in rules/candidates; happened_at tells
-- when it was. Rules that ask for sums over these columns alone are asked about these rows too, and
-- what they never name (host, component) is there for their statement.
with
learned as (
    select
        unnest(cast($clusters as varchar[])) as cluster,
        unnest(cast($since as timestamptz[])) as since,
        unnest(cast($until as timestamptz[])) as until
),

placed as (
    select
        events.cluster,
        namespace,
        reason,
        type,
        object_kind,
        object_name,
        message,
        coalesce(observed_at <= learned.until, last_seen < $end)
        and coalesce(observed_at > learned.since, last_seen >= $start) as of_window,
        last_seen,
        coalesce(first_seen, last_seen) as first_seen,
        occurrences
    from events
    left join learned on events.cluster = learned.cluster
    where
        date >= cast($base as date)
        and date <= cast($latest as date)
        and last_seen >= $base
),

reached as (
    select
        cluster,
        namespace,
        reason,
        type,
        case when of_window then object_kind end as object_kind,
        case when of_window then object_name end as object_name,
        case when of_window then message end as message,
        of_window,
        case
            when of_window
                then least(greatest(last_seen, $start), $end - interval 1 microsecond)
            else last_seen
        end as last_seen,
        last_seen as happened_at,
        case
            when $daily and not of_window then date_diff('second', $base, last_seen) // 86400
        end as day,
        first_seen,
        occurrences
    from placed
    where of_window or last_seen < $start
)

select
    cluster,
    namespace,
    reason,
    type,
    object_kind,
    object_name,
    cast(null as varchar) as host,
    cast(null as varchar) as component,
    arg_max(message, row(happened_at, message)) as message,
    cast(sum(occurrences) as bigint) as occurrences,
    min(first_seen) as first_seen,
    max(last_seen) as last_seen,
    max(happened_at) as happened_at,
    cast(max(last_seen) as date) as date
from reached
group by cluster, namespace, reason, type, object_kind, object_name, of_window, day
order by last_seen, reason, object_name

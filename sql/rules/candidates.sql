-- title: Candidates
-- question: Which events of the window and its baseline can rules about these reasons match?
-- parameters: $base, $start, $end; $reasons, null for all; $clusters, $since, $until: for each cluster
--   up to when an earlier evaluation knew it, null for none, and up to when this one does; $latest, up to
--   which files are read; $reach, from which on a window of its own takes what is late, null without
--   a window of its own; $daily, whether the days of the baseline are kept apart
-- Asked once for all rules that name their reasons, which are then asked about these rows: what
-- an event adds to its lineage is worked out once and not once a rule. States that only differ
-- in count are put together, apart for window and baseline, at the time of the newest.
-- Of the window is what was learned since the evaluation before, so that an event which is
-- written or listed late is in exactly one; it counts at last_seen, which lies in the window
-- then, and happened_at tells when it was.
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
        host,
        component,
        message,
        coalesce(observed_at <= learned.until, last_seen < $end)
        and case
            when cast($reach as timestamptz) is null
                then coalesce(observed_at > learned.since, last_seen >= $start)
            else last_seen >= $start or (last_seen >= $reach and observed_at > learned.since)
        end as of_window,
        last_seen,
        occurrences
    from events
    left join learned on events.cluster = learned.cluster
    where
        date >= cast($base as date)
        and date <= cast($latest as date)
        and last_seen >= $base
        and ($reasons is null or list_contains($reasons, reason))
),

wanted as (
    select
        *,
        case
            when of_window
                then least(greatest(last_seen, $start), $end - interval 1 microsecond)
            else last_seen
        end as counts_at,
        case
            when $daily and not of_window then date_diff('second', $base, last_seen) // 86400
        end as day
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
    host,
    component,
    message,
    cast(sum(occurrences) as bigint) as occurrences,
    max(counts_at) as last_seen,
    max(last_seen) as happened_at,
    cast(max(counts_at) as date) as date
from wanted
group by
    cluster,
    namespace,
    reason,
    type,
    object_kind,
    object_name,
    host,
    component,
    message,
    of_window,
    day
order by max(counts_at), reason, object_name

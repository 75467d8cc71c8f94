-- title: Counted
-- question: Which states stand in open days and in days that were sealed by older rules, and how much does each add?
-- What a sealed day says of occurrences stays true; only what is rolled up has to be told anew.
select
    merged.*,
    occurrences.occurrences,
    occurrences.since,
    occurrences.reset
from merged
inner join occurrences
    on
        merged.cluster = occurrences.cluster
        and merged.date = occurrences.date
        and merged.uid = occurrences.uid
        and merged.n = occurrences.n
        and merged.last_seen = occurrences.last_seen
union all
select
    cluster,
    date,
    uid,
    resource_version,
    name,
    namespace,
    type,
    reason,
    message,
    action,
    component,
    host,
    reporting_component,
    reporting_instance,
    object_kind,
    object_namespace,
    object_name,
    object_uid,
    object_api_version,
    object_field_path,
    related_kind,
    related_namespace,
    related_name,
    n,
    raw_count,
    series_count,
    first_seen,
    last_seen,
    created_at,
    event_time,
    written_at,
    first_timestamp,
    last_timestamp,
    series_last_seen,
    labels,
    annotations,
    observed_at,
    snapshot_id,
    flags,
    deleted_at,
    deleted_early,
    object_labels,
    namespace_labels,
    owner_kind,
    owner_name,
    occurrences,
    since,
    reset
from outdated

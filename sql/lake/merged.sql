-- title: Merged
-- question: Which states stand in the parts of open days? One row per (cluster, uid, n, last_seen).
-- Where copies of a state meet, the greatest resourceVersion wins column by column, a
-- value wins over null, and observed_at is the least: the answer does not depend on the
-- order in which the copies arrived. Equal resourceVersions fall back to the greater
-- value, so that it stays one answer. Copies are rare, so only they pay for merging.
with copied as (
    select
        cluster,
        date,
        uid,
        n,
        last_seen
    from parts
    group by cluster, date, uid, n, last_seen
    having count(*) > 1
)

select
    parts.cluster,
    parts.date,
    parts.uid,
    parts.resource_version,
    parts.name,
    parts.namespace,
    parts.type,
    parts.reason,
    parts.message,
    parts.action,
    parts.component,
    parts.host,
    parts.reporting_component,
    parts.reporting_instance,
    parts.object_kind,
    parts.object_namespace,
    parts.object_name,
    parts.object_uid,
    parts.object_api_version,
    parts.object_field_path,
    parts.related_kind,
    parts.related_namespace,
    parts.related_name,
    parts.n,
    parts.raw_count,
    parts.series_count,
    parts.first_seen,
    parts.last_seen,
    parts.created_at,
    parts.event_time,
    parts.written_at,
    parts.first_timestamp,
    parts.last_timestamp,
    parts.series_last_seen,
    parts.labels,
    parts.annotations,
    parts.observed_at,
    parts.snapshot_id,
    parts.flags
from parts
anti join copied using (cluster, date, uid, n, last_seen)
union all
select
    cluster,
    date,
    uid,
    max(resource_version) as resource_version,
    arg_max(name, row(coalesce(resource_version, -1), name)) as name,
    arg_max(namespace, row(coalesce(resource_version, -1), namespace)) as namespace,
    arg_max(type, row(coalesce(resource_version, -1), type)) as type,
    arg_max(reason, row(coalesce(resource_version, -1), reason)) as reason,
    arg_max(message, row(coalesce(resource_version, -1), message)) as message,
    arg_max(action, row(coalesce(resource_version, -1), action)) as action,
    arg_max(component, row(coalesce(resource_version, -1), component)) as component,
    arg_max(host, row(coalesce(resource_version, -1), host)) as host,
    arg_max(reporting_component, row(coalesce(resource_version, -1), reporting_component))
        as reporting_component,
    arg_max(reporting_instance, row(coalesce(resource_version, -1), reporting_instance))
        as reporting_instance,
    arg_max(object_kind, row(coalesce(resource_version, -1), object_kind)) as object_kind,
    arg_max(object_namespace, row(coalesce(resource_version, -1), object_namespace))
        as object_namespace,
    arg_max(object_name, row(coalesce(resource_version, -1), object_name)) as object_name,
    arg_max(object_uid, row(coalesce(resource_version, -1), object_uid)) as object_uid,
    arg_max(object_api_version, row(coalesce(resource_version, -1), object_api_version))
        as object_api_version,
    arg_max(object_field_path, row(coalesce(resource_version, -1), object_field_path))
        as object_field_path,
    arg_max(related_kind, row(coalesce(resource_version, -1), related_kind)) as related_kind,
    arg_max(related_namespace, row(coalesce(resource_version, -1), related_namespace))
        as related_namespace,
    arg_max(related_name, row(coalesce(resource_version, -1), related_name)) as related_name,
    n,
    arg_max(raw_count, row(coalesce(resource_version, -1), raw_count)) as raw_count,
    arg_max(series_count, row(coalesce(resource_version, -1), series_count)) as series_count,
    arg_max(first_seen, row(coalesce(resource_version, -1), first_seen)) as first_seen,
    last_seen,
    arg_max(created_at, row(coalesce(resource_version, -1), created_at)) as created_at,
    arg_max(event_time, row(coalesce(resource_version, -1), event_time)) as event_time,
    arg_max(written_at, row(coalesce(resource_version, -1), written_at)) as written_at,
    arg_max(first_timestamp, row(coalesce(resource_version, -1), first_timestamp))
        as first_timestamp,
    arg_max(last_timestamp, row(coalesce(resource_version, -1), last_timestamp)) as last_timestamp,
    arg_max(series_last_seen, row(coalesce(resource_version, -1), series_last_seen))
        as series_last_seen,
    arg_max(labels, row(coalesce(resource_version, -1), cast(labels as varchar))) as labels,
    arg_max(annotations, row(coalesce(resource_version, -1), cast(annotations as varchar)))
        as annotations,
    min(observed_at) as observed_at,
    arg_min(snapshot_id, row(observed_at, snapshot_id)) as snapshot_id,
    arg_max(flags, row(coalesce(resource_version, -1), flags)) as flags
from parts
semi join copied using (cluster, date, uid, n, last_seen)
group by cluster, date, uid, n, last_seen

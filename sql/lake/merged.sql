-- title: Merged
-- question: Which states stand in the parts of open days? One row per (cluster, uid, n, last_seen).
-- Of copies of a state those of the greatest resourceVersion count; where these differ, a
-- value wins over null and the greater one over the other. observed_at is the least of all
-- copies. So a merged row says all that a later merge needs: the answer depends neither on
-- the order in which the copies arrived nor on which of them were merged before. Copies are
-- rare, so only they pay for merging.
with copied as (
    select
        cluster,
        date,
        uid,
        n,
        last_seen,
        max(resource_version) as resource_version,
        min(observed_at) as observed_at,
        arg_min(snapshot_id, row(observed_at, snapshot_id)) as snapshot_id
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
    parts.flags,
    parts.deleted_at,
    parts.deleted_early,
    parts.object_labels,
    parts.namespace_labels,
    parts.owner_kind,
    parts.owner_name
from parts
anti join copied using (cluster, date, uid, n, last_seen)
union all
select
    copied.cluster,
    copied.date,
    copied.uid,
    copied.resource_version,
    max(parts.name) as name,
    max(parts.namespace) as namespace,
    max(parts.type) as type,
    max(parts.reason) as reason,
    max(parts.message) as message,
    max(parts.action) as action,
    max(parts.component) as component,
    max(parts.host) as host,
    max(parts.reporting_component) as reporting_component,
    max(parts.reporting_instance) as reporting_instance,
    max(parts.object_kind) as object_kind,
    max(parts.object_namespace) as object_namespace,
    max(parts.object_name) as object_name,
    max(parts.object_uid) as object_uid,
    max(parts.object_api_version) as object_api_version,
    max(parts.object_field_path) as object_field_path,
    max(parts.related_kind) as related_kind,
    max(parts.related_namespace) as related_namespace,
    max(parts.related_name) as related_name,
    copied.n,
    max(parts.raw_count) as raw_count,
    max(parts.series_count) as series_count,
    max(parts.first_seen) as first_seen,
    copied.last_seen,
    max(parts.created_at) as created_at,
    max(parts.event_time) as event_time,
    max(parts.written_at) as written_at,
    max(parts.first_timestamp) as first_timestamp,
    max(parts.last_timestamp) as last_timestamp,
    max(parts.series_last_seen) as series_last_seen,
    arg_max(parts.labels, cast(parts.labels as varchar)) as labels,
    arg_max(parts.annotations, cast(parts.annotations as varchar)) as annotations,
    copied.observed_at,
    copied.snapshot_id,
    max(parts.flags) as flags,
    max(parts.deleted_at) as deleted_at,
    max(parts.deleted_early) as deleted_early,
    arg_max(parts.object_labels, cast(parts.object_labels as varchar)) as object_labels,
    arg_max(parts.namespace_labels, cast(parts.namespace_labels as varchar)) as namespace_labels,
    max(parts.owner_kind) as owner_kind,
    max(parts.owner_name) as owner_name
from copied
inner join parts
    on
        copied.cluster = parts.cluster
        and copied.date = parts.date
        and copied.uid = parts.uid
        and copied.n = parts.n
        and copied.last_seen = parts.last_seen
        and copied.resource_version is not distinct from parts.resource_version
group by
    copied.cluster,
    copied.date,
    copied.uid,
    copied.n,
    copied.last_seen,
    copied.resource_version,
    copied.observed_at,
    copied.snapshot_id

-- title: Rolled up
-- question: Which workload is behind the object of each counted observation, and what is its message without what varies?
-- What the metadata of the object says is taken first (owner_kind), then what a controller said, then
-- what the name tells by the rules of those who give
-- names: pods get their controller's name and five characters of an alphabet without vowels,
-- those of a ReplicaSet its hash before them, those of a CronJob's Job the minute (before
-- Kubernetes 1.21 the second) it was scheduled for. Of a longer name the first 58 characters are
-- kept, so that 63 end in what is left of these. DaemonSets, Jobs and bare ReplicaSets name pods
-- alike: then the kind is null. No hash starts with 1, 2 or 3, and until 2046 every minute does.
-- docs/rollups.md has the rules, with examples.
-- Kinds are compared by patterns: of a long list DuckDB 2.0 makes a join of its own.
with known as (
    select
        counted.*,
        owners.name is not null as told,
        counted.owner_name is not null as owned,
        coalesce(counted.owner_kind, owners.kind, counted.object_kind) as known_kind,
        coalesce(counted.owner_name, owners.name, counted.object_name) as known_name
    from counted
    left join owners
        on
            counted.cluster = owners.cluster
            and counted.date = owners.date
            and counted.namespace = owners.namespace
            and counted.object_kind = owners.child_kind
            and counted.object_name = owners.child_name
),

-- The name of the Job or ReplicaSet behind a pod, as far as its own name tells.
stems as (
    select
        *,
        case
            when known_kind = 'Pod'
                then regexp_replace(known_name, '-[bcdfghjklmnpqrstvwxz2456789]{5}$', '')
            else known_name
        end as stem
    from known
),

ruled as (
    select
        *,
        case
            when known_kind is null or known_name is null then null
            when owned and not regexp_full_match(known_kind, 'ReplicaSet|Job') then 'self'
            when
                regexp_full_match(
                    known_kind,
                    'Deployment|StatefulSet|DaemonSet|CronJob|ReplicationController'
                    || '|DeploymentConfig|Rollout'
                )
                then 'self'
            when not regexp_full_match(known_kind, 'Pod|ReplicaSet|Job') then null
            when known_kind = 'Pod' and component = 'kubelet' and ends_with(known_name, '-' || host)
                then 'static'
            when
                (known_kind = 'Job' or stem != known_name)
                and regexp_matches(stem, '.-(?:2[6-9][0-9]{6}|3[0-9]{7}|1[4-9][0-9]{8})$')
                then 'schedule'
            when
                (known_kind = 'ReplicaSet' or stem != known_name)
                and regexp_matches(
                    stem, '.-(?:[bcdfghjklmnpqrstvwxz2456789]{8,10}|[4-9bcdf]{6,7})$'
                )
                then 'replicas'
            when stem != known_name then 'generated'
            when known_kind = 'Pod' and regexp_matches(known_name, '.-(?:0|[1-9][0-9]{0,3})$')
                then 'ordinal'
            when
                known_kind = 'Pod'
                and length(known_name) = 63
                and regexp_matches(
                    known_name, '.-[123][0-9]{0,9}[bcdfghjklmnpqrstvwxz2456789]{5}$'
                )
                then 'schedule'
            when
                known_kind = 'Pod'
                and length(known_name) = 63
                and regexp_matches(
                    known_name, '.-[4-9bcdf]{1,10}[bcdfghjklmnpqrstvwxz2456789]{5}$'
                )
                then 'replicas'
            else 'self'
        end as rule
    from stems
)

select
    * exclude (told, owned, known_kind, known_name, stem, rule),
    case rule
        when 'self' then known_name
        when 'static' then left(known_name, length(known_name) - length(host) - 1)
        when 'generated' then stem
        when 'ordinal' then regexp_replace(known_name, '-[0-9]+$', '')
        when 'replicas' then regexp_replace(stem, '-[^-]+$', '')
        when 'schedule' then regexp_replace(stem, '-[^-]+$', '')
    end as workload,
    case rule
        when 'self' then known_kind
        when 'static' then 'StaticPod'
        when 'ordinal' then 'StatefulSet'
        when 'replicas' then 'Deployment'
        when 'schedule' then 'CronJob'
    end as workload_kind,
    case
        when rule is not null and owned then 'owner'
        when rule = 'self' and told then 'events'
        when rule = 'self' then 'self'
        when rule is not null then 'name'
    end as workload_by,
    message_pattern(message) as message_pattern,
    cast(1 as integer) as pattern_version
from ruled

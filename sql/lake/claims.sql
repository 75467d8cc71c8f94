-- title: Claims
-- question: Which objects did controllers say that they made, and what made those controllers?
-- Of each day the events of that day and of the day before are looked at, as for occurrences.
-- Where two controllers claim an object, the later one has it. Who may write events in one
-- namespace can claim objects of that namespace only: the namespace is that of the event.
with near_states as (
    select
        cluster,
        date,
        namespace,
        reason,
        object_kind,
        object_name,
        last_seen,
        message
    from merged
    union all
    select
        cluster,
        date,
        namespace,
        reason,
        object_kind,
        object_name,
        last_seen,
        message
    from context
    union all
    select
        cluster,
        date,
        namespace,
        reason,
        object_kind,
        object_name,
        last_seen,
        message
    from outdated
),

told as (
    select *
    from near_states
    where
        -- A join: of a plain list DuckDB 2.0 decodes the messages of all rows first.
        reason in (
            select
                unnest(
                    [
                        'SuccessfulCreate', 'SuccessfulDelete', 'ScalingReplicaSet',
                        'SawCompletedJob', 'DeploymentCreated'
                    ]
                )
        )
),

named as (
    select
        *,
        regexp_extract(message, '(?:create|delete) Claim (\S+) Pod ', 1) as claim,
        regexp_extract(
            message, '(?:(?:Created|Deleted) pod: |(?:create|delete) Pod )([a-z0-9][a-z0-9.-]*)', 1
        ) as pod,
        regexp_extract(
            message, '(?:(?:Created|Deleted) job |completed job: )([a-z0-9][a-z0-9.-]*)', 1
        ) as job,
        regexp_extract(
            message, 'Scaled (?:up|down) [Rr]eplica ?[Ss]et ([a-z0-9][a-z0-9.-]*)', 1
        ) as replica_set,
        regexp_extract(message, 'Created new replication controller "([^"]+)"', 1) as replicas
    from told
    where object_kind is not null and object_name is not null
),

claimed as (
    select
        cluster,
        namespace,
        last_seen,
        date,
        object_kind as kind,
        object_name as name,
        case
            when claim != '' then 'PersistentVolumeClaim'
            when pod != '' then 'Pod'
            when job != '' then 'Job'
            when replica_set != '' then 'ReplicaSet'
            when replicas != '' then 'ReplicationController'
        end as child_kind,
        case
            when claim != '' then claim
            when pod != '' then pod
            when job != '' then job
            when replica_set != '' then replica_set
            else replicas
        end as child_name
    from named
),

seen as (
    select *
    from claimed
    where child_kind is not null
    union all
    select
        cluster,
        namespace,
        last_seen,
        date + 1 as date,
        kind,
        name,
        child_kind,
        child_name
    from claimed
    where child_kind is not null
),

made as (
    select
        cluster,
        date,
        namespace,
        child_kind,
        child_name,
        max({'at': last_seen, 'kind': kind, 'name': name}) as latest
    from seen
    group by cluster, date, namespace, child_kind, child_name
)

select
    cluster,
    date,
    namespace,
    child_kind,
    child_name,
    1 as step,
    latest.kind,
    latest.name
from made
union all
select
    made.cluster,
    made.date,
    made.namespace,
    made.child_kind,
    made.child_name,
    2 as step,
    above.latest.kind,
    above.latest.name
from made
inner join made as above
    on
        made.cluster = above.cluster
        and made.date = above.date
        and made.namespace = above.namespace
        and made.latest.kind = above.child_kind
        and made.latest.name = above.child_name

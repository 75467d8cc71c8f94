-- title: Timeline
-- question: What happened to an object and to what it depends on, in order, repeats folded into one line?
-- The object is told by $kind (in lower case), $name and $namespace (null for a Node).
-- Around it stand: its owners and its pods (as controllers' own events name them, since
-- $facts_start, else by their workload), the nodes that ran them, and their volumes.
-- A Node brings what its kubelet warned of and what was taken from it; a Namespace all in it.
-- A line is an episode: the same thing said of the same object (of the pods of one
-- controller, where the object is not a pod), with no more than $quiet between.
with facts as (
    select
        namespace,
        object_kind,
        object_name,
        reason,
        message,
        component,
        host,
        workload_kind,
        workload
    from events
    where
        cluster = $cluster
        and date >= cast($facts_start as date)
        and date <= cast($end as date)
        and last_seen < $end
        and (namespace = $namespace or $namespace is null)
),

told as (
    select
        object_kind as owner_kind,
        object_name as owner_name,
        'ReplicaSet' as kind,
        regexp_extract(message, '^Scaled (?:up|down) replica set (\S+)', 1) as name
    from facts
    where reason = 'ScalingReplicaSet'
    union
    select
        object_kind as owner_kind,
        object_name as owner_name,
        case when object_kind = 'CronJob' then 'Job' else 'Pod' end as kind,
        regexp_extract(message, '^(?:Created pod:|Created job|create Pod) (\S+)', 1) as name
    from facts
    where reason = 'SuccessfulCreate' and object_kind != 'Pod'
    union
    select
        'Pod' as owner_kind,
        regexp_extract(message, '^create Claim \S+ Pod (\S+)', 1) as owner_name,
        'PersistentVolumeClaim' as kind,
        regexp_extract(message, '^create Claim (\S+)', 1) as name
    from facts
    where reason = 'SuccessfulCreate' and object_kind = 'StatefulSet'
),

seen as (
    select
        object_kind as kind,
        object_name as name
    from facts
    where object_name is not null
    group by object_kind, object_name
    union
    select
        cast($kind_shown as varchar) as kind,
        cast($name as varchar) as name
),

-- What has something behind it, as roll-ups tell.
rolled as (
    select
        object_kind as kind,
        object_name as name,
        workload_kind,
        workload
    from facts
    where workload is not null and (object_name != workload or object_kind != workload_kind)
    group by object_kind, object_name, workload_kind, workload
),

-- Of pods whose name alone does not tell the kind of their maker, who bears the name made them.
named as (
    select
        coalesce(rolled.workload_kind, seen.kind) as owner_kind,
        rolled.workload as owner_name,
        rolled.kind,
        rolled.name
    from rolled
    left join seen
        on
            rolled.workload_kind is null
            and rolled.workload = seen.name
            and seen.kind in ('DaemonSet', 'Job', 'ReplicaSet', 'ReplicationController')
    anti join told on rolled.kind = told.kind and rolled.name = told.name
    where coalesce(rolled.workload_kind, seen.kind) is not null
    union
    select
        owners.kind as owner_kind,
        owners.name as owner_name,
        rolled.kind,
        rolled.name
    from rolled
    inner join rolled as owners
        on
            rolled.workload = owners.workload
            and rolled.kind = 'Pod'
            and owners.kind in ('ReplicaSet', 'Job')
            and starts_with(rolled.name, owners.name || '-')
    anti join told on rolled.kind = told.kind and rolled.name = told.name
),

edges as (
    select *
    from told
    where name != ''
    union
    select *
    from named
),

up as (
    select
        owner_kind as kind,
        owner_name as name
    from edges
    where lower(kind) = $kind and name = $name and $kind != 'persistentvolumeclaim'
),

down as (
    select
        kind,
        name
    from edges
    where lower(owner_kind) = $kind and owner_name = $name
),

family as (
    select
        cast($kind_shown as varchar) as kind,
        cast($name as varchar) as name,
        'subject' as relation
    union all
    select
        *,
        'owner' as relation
    from up
    union all
    select
        edges.owner_kind as kind,
        edges.owner_name as name,
        'owner' as relation
    from edges
    inner join up using (kind, name)
    union all
    select
        *,
        'part' as relation
    from down
    union all
    select
        edges.kind,
        edges.name,
        'part' as relation
    from edges
    inner join down on edges.owner_kind = down.kind and edges.owner_name = down.name
),

about_pods as (
    select facts.*
    from facts
    semi join family on facts.object_kind = family.kind and facts.object_name = family.name
    where facts.object_kind = 'Pod'
),

around as (
    select *
    from family
    union all
    select
        'HorizontalPodAutoscaler' as kind,
        name,
        'autoscaler' as relation
    from family
    where kind in ('Deployment', 'StatefulSet')
    union all
    select
        'Node' as kind,
        case
            when reason = 'Scheduled'
                then regexp_extract(message, '^Successfully assigned \S+ to (\S+)$', 1)
            when component = 'kubelet' then host
        end as name,
        'node' as relation
    from about_pods
    union all
    select
        'PersistentVolumeClaim' as kind,
        unnest(regexp_extract_all(message, '(?i)persistentvolumeclaim "([^"]+)"', 1)) as name,
        'volume' as relation
    from about_pods
    union all
    select
        'PersistentVolume' as kind,
        unnest(regexp_extract_all(message, 'for volume "([^"]+)"', 1)) as name,
        'volume' as relation
    from about_pods
    union all
    select
        facts.object_kind as kind,
        facts.object_name as name,
        'volume' as relation
    from facts
    inner join family
        on family.kind = 'Pod' and ends_with(facts.object_name, '-' || family.name)
    where facts.object_kind = 'PersistentVolumeClaim'
),

-- The nearest relation of each object.
related as (
    select
        kind,
        name,
        arg_min(relation, list_position($relations, relation)) as relation
    from around
    where name is not null and name != ''
    group by kind, name
),

happened as (
    select
        events.*,
        coalesce(related.relation, 'part') as relation
    from events
    left join related
        on events.object_kind = related.kind and events.object_name = related.name
    where
        events.cluster = $cluster
        and events.date >= cast($start as date)
        and events.date <= cast($end as date)
        and events.last_seen >= $start
        and events.last_seen < $end
        -- A state that adds nothing says again what another one said.
        and events.occurrences > 0
        and (
            (
                related.relation is not null
                and (
                    events.object_kind in ('Node', 'PersistentVolume')
                    or events.namespace = $namespace
                )
                -- What an owner of the pod did to others is not its story.
                and (
                    related.relation != 'owner'
                    or events.reason not in ('SuccessfulCreate', 'SuccessfulDelete')
                    or contains(events.message, $name)
                )
            )
            or ($kind = 'namespace' and events.namespace = $name)
            or (
                $kind = 'node'
                and events.host = $name
                and (events.type = 'Warning' or events.reason in ('Killing', 'Evicted'))
            )
            or (
                $kind = 'node'
                and events.reason in ('Scheduled', 'TaintManagerEviction', 'Preempted')
                and contains(events.message, $name)
            )
        )
),

marked as (
    select
        relation,
        type,
        reason,
        coalesce(message, '') as message,
        component,
        object_kind,
        coalesce(object_name, '') as object_name,
        coalesce(namespace, '') as namespace,
        regexp_extract(object_field_path, '\{(.*)\}', 1) as container,
        occurrences,
        n,
        first_seen,
        last_seen,
        -- Over more than a day nobody knows when it happened.
        case
            when since is null or last_seen - since > interval 24 hours then last_seen
            else least(since, last_seen)
        end as began,
        case
            when $kind = 'pod' or object_kind not in ('Pod', 'ReplicaSet', 'Job')
                then coalesce(object_name, '')
            else coalesce(workload, object_name, '')
        end as stem,
        regexp_replace(
            regexp_replace(
                replace(coalesce(message, ''), coalesce(object_name, ''), '*'),
                '-[bcdfghjklmnpqrstvwxz2456789]{5}\b',
                '-*',
                'g'
            ),
            '[0-9]+',
            '#',
            'g'
        ) as pattern
    from happened
),

spaced as (
    select
        *,
        coalesce(
            began - max(last_seen) over (
                partition by
                    relation, type, reason, pattern, object_kind, namespace, stem, container
                order by last_seen, began, n
                rows between unbounded preceding and 1 preceding
            ) > $quiet,
            true
        ) as starts
    from marked
),

numbered as (
    select
        *,
        count(*) filter (where starts) over (
            partition by relation, type, reason, pattern, object_kind, namespace, stem, container
            order by last_seen, began, n
            rows between unbounded preceding and current row
        ) as episode
    from spaced
),

episodes as (
    select
        relation,
        type,
        reason,
        object_kind,
        namespace,
        stem,
        container,
        count(distinct object_name) as objects,
        arg_max(object_name, row(last_seen, object_name)) as object_name,
        arg_max(message, row(last_seen, n, message)) as message,
        min(began) as started_at,
        max(last_seen) as ended_at,
        cast(sum(occurrences) as bigint) as occurrences,
        max(n) as n,
        min(first_seen) as first_seen
    from numbered
    group by relation, type, reason, pattern, object_kind, namespace, stem, container, episode
)

select
    episodes.started_at,
    episodes.ended_at,
    episodes.relation,
    episodes.object_kind,
    episodes.namespace,
    case
        when episodes.objects = 1 then episodes.object_name else episodes.stem || '-*'
    end as object_name,
    episodes.objects,
    episodes.container,
    episodes.type,
    episodes.reason,
    episodes.message,
    episodes.occurrences,
    episodes.n,
    episodes.first_seen
from episodes
order by
    date_trunc('second', episodes.started_at),
    list_position($sequence, episodes.reason) nulls last,
    episodes.started_at,
    episodes.object_kind,
    episodes.object_name,
    episodes.container,
    episodes.message

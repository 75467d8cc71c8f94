-- title: Coverage by namespace
-- question: For which time is it proven that no final state of a namespace was missed, where not, and why?
-- A state written at w can be listed until w + TTL, so a list that was sent at s and received at e
-- proves the time from e - TTL to s, for the namespaces that it listed; a watch shows every state
-- since the snapshot that it goes on from, and proves the time from there to s. Namespaces that were
-- always listed together are one group, told in namespaces; null is the cluster as a whole. Per group
-- the lists in the order in which they were sent cut time into tiles, each from one list to the next;
-- a tile is covered from where it or a later list reaches back to. What a list held first and its
-- lost part held alone is a gap, and so is what a restored backup may have overwritten and what
-- retention deleted. A group that is no longer listed while others are is a gap for a day more, and
-- then no part of the job.
with deletions as (
    select
        cluster,
        min(deleted_from) as deleted_from,
        max(deleted_before) as deleted_before,
        max(started_at) as deleted_at
    from snapshots
    where kind = 'retention'
    group by cluster
),

-- Of what retention deleted, lists that ran before prove nothing any more.
lists as (
    select
        snapshots.cluster,
        snapshots.snapshot_id,
        snapshots.scope,
        greatest(
            coalesce(
                snapshots.watched_since,
                snapshots.received_at - to_seconds(snapshots.ttl_seconds)
            ),
            case
                when snapshots.started_at < deletions.deleted_at then deletions.deleted_before
            end
        ) as reach
    from snapshots
    left join deletions on snapshots.cluster = deletions.cluster
    where
        snapshots.status in ('complete', 'inconsistent')
        and snapshots.sent_at is not null
        and greatest(
            coalesce(
                snapshots.watched_since,
                snapshots.received_at - to_seconds(snapshots.ttl_seconds)
            ),
            case
                when snapshots.started_at < deletions.deleted_at then deletions.deleted_before
            end
        ) < snapshots.sent_at
),

scopes as (
    select distinct
        cluster,
        list_sort(list_distinct(scope)) as scope
    from lists
),

members as (
    select
        cluster,
        namespace,
        list(scope order by scope) as scopes
    from (
        select
            cluster,
            scope,
            unnest(scope) as namespace
        from scopes
    ) as named
    group by cluster, namespace
),

groups as (
    select
        *,
        row_number() over (order by cluster, namespaces) as group_id
    from (
        select
            cluster,
            scopes,
            list(namespace order by namespace) as namespaces
        from members
        group by cluster, scopes
        union all
        select
            cluster,
            cast([] as varchar[][]) as scopes,
            cast(null as varchar[]) as namespaces
        from scopes
        where scope is null
        union all
        select
            cluster,
            cast([] as varchar[][]) as scopes,
            cast(null as varchar[]) as namespaces
        from deletions
        anti join scopes using (cluster)
    ) as found
),

-- Every run that says something about a tile: lists, failures, and rows that are lost.
runs as (
    select
        snapshots.cluster,
        snapshots.snapshot_id,
        snapshots.status,
        list_sort(list_distinct(snapshots.scope)) as scope,
        snapshots.sent_at,
        snapshots.received_at,
        snapshots.first_received_at - to_seconds(snapshots.ttl_seconds) as first_reach,
        snapshots.list_resource_version,
        1e6 * snapshots.ttl_seconds as ttl_us,
        1e6 * snapshots.interval_seconds as interval_us,
        lists.reach,
        damage.cluster is not null as damaged,
        snapshots.previous_id is not null and previous.cluster is null as orphan,
        coalesce(
            snapshots.sent_at, snapshots.collected_at, snapshots.started_at
        ) as asked_at
    from snapshots
    left join lists using (cluster, snapshot_id)
    left join damage
        on
            snapshots.cluster = damage.cluster
            and snapshots.snapshot_id = damage.snapshot_id
    left join snapshots as previous
        on
            snapshots.cluster = previous.cluster
            and snapshots.previous_id = previous.snapshot_id
    -- A dump of which nobody knows when it was taken says nothing about any time.
    where
        snapshots.status = 'failed'
        or coalesce(snapshots.sent_at, snapshots.collected_at) is not null
    union all by name
    select
        damage.cluster,
        damage.snapshot_id,
        'lost' as status,
        damage.started_at as asked_at
    from damage
    anti join snapshots
        on
            damage.cluster = snapshots.cluster
            and damage.snapshot_id = snapshots.snapshot_id
    union all by name
    -- The two ends of what was deleted: tiles of their own, which lists that ran later may cover.
    select
        cluster,
        edge as snapshot_id,
        'complete' as status,
        moment as sent_at,
        moment as received_at,
        moment as reach,
        false as damaged,
        false as orphan,
        moment as asked_at
    from deletions
    unpivot (moment for edge in (deleted_from, deleted_before))
),

matched as (
    select
        runs.*,
        groups.group_id,
        runs.scope is null
        or list_contains(groups.scopes, runs.scope)
        or (
            runs.status = 'failed'
            and coalesce(list_has_any(runs.scope, groups.namespaces), false)
        ) as of_group
    from groups
    inner join runs on groups.cluster = runs.cluster
),

counted as (
    select
        *,
        of_group and reach is not null as proves,
        sum(cast(of_group and status = 'failed' as integer)) over so_far as failures,
        sum(cast(status = 'lost' as integer)) over so_far as losses,
        sum(
            cast(of_group and status = 'inconsistent' and reach is null as integer)
        ) over so_far as endless,
        sum(
            cast(
                status in ('complete', 'inconsistent')
                and (not of_group or sent_at is null) as integer
            )
        ) over so_far as others
    from matched
    window so_far as (
        partition by group_id
        order by asked_at, of_group and reach is not null, snapshot_id
        rows between unbounded preceding and current row
    )
),

tiles as (
    select
        *,
        lag(sent_at) over in_order as before,
        epoch_us(sent_at) - lag(epoch_us(sent_at)) over in_order as apart,
        failures > lag(failures) over in_order as failed,
        losses > lag(losses) over in_order as lost,
        endless > lag(endless) over in_order as endless_between,
        others > lag(others) over in_order as other,
        lag(list_resource_version) over of_versions as version_before,
        lag(received_at) over of_versions as version_at
    from counted
    where proves
    window
        in_order as (
            partition by group_id
            order by sent_at, received_at, snapshot_id
        ),
        of_versions as (
            partition by group_id, list_resource_version is null
            order by sent_at, received_at, snapshot_id
        )
),

-- Lists that ran at the same time may be answered in another order than they were sent.
walled as (
    select
        *,
        coalesce(
            list_resource_version < version_before and sent_at >= version_at,
            false
        ) as restored
    from tiles
),

segments as (
    select
        *,
        sum(cast(restored as integer)) over (
            partition by group_id
            order by sent_at, received_at, snapshot_id
            rows between unbounded preceding and current row
        ) as segment
    from walled
),

reached as (
    select
        *,
        min(case when not damaged then reach end) over (
            partition by group_id, segment
            order by sent_at, received_at, snapshot_id
            rows between current row and unbounded following
        ) as reach_back
    from segments
),

-- How far lists are apart as a rule: that day, else ever; what is configured, while there are few.
usual_of_day as (
    select
        group_id,
        cast(sent_at as date) as day,
        median(apart) as apart
    from tiles
    group by group_id, day
    having count(apart) >= 3
),

usual_ever as (
    select
        group_id,
        median(apart) as apart
    from tiles
    group by group_id
    having count(apart) >= 3
),

ends as (
    select
        cluster,
        group_id,
        max(sent_at) as ended_at,
        max(max(sent_at)) over (partition by cluster) as cluster_end
    from tiles
    group by cluster, group_id
),

pieces as (
    select
        cluster,
        group_id,
        greatest(before, reach_back) as started_at,
        sent_at as ended_at,
        cast(null as varchar) as cause
    from reached
    where not damaged and not restored
    union all
    select
        reached.cluster,
        reached.group_id,
        coalesce(reached.before, reached.reach) as started_at,
        case
            when reached.damaged or reached.restored then reached.sent_at else reached.reach_back
        end as ended_at,
        case
            when
                reached.reach_back <= deletions.deleted_before
                and coalesce(reached.before, reached.reach) >= deletions.deleted_from
                then 'deleted by retention'
            when reached.damaged or reached.lost or reached.orphan then 'damaged part'
            when reached.restored then 'cluster restored'
            when reached.failed then 'failed run'
            when reached.endless_between then 'inconsistent list'
            when
                reached.status = 'inconsistent' and reached.first_reach <= reached.before
                then 'inconsistent list'
            when reached.other then 'scope not proven'
            when
                coalesce(usual_of_day.apart, usual_ever.apart, reached.interval_us)
                >= reached.ttl_us
                then 'interval longer than the TTL'
            when
                2 * coalesce(usual_of_day.apart, usual_ever.apart, reached.interval_us)
                >= reached.ttl_us
                and reached.apart
                < 2.5 * coalesce(usual_of_day.apart, usual_ever.apart, reached.interval_us)
                then 'schedule leaves no spare run'
            else 'no run'
        end as cause
    from reached
    left join usual_of_day
        on
            reached.group_id = usual_of_day.group_id
            and cast(reached.sent_at as date) = usual_of_day.day
    left join usual_ever on reached.group_id = usual_ever.group_id
    left join deletions on reached.cluster = deletions.cluster
    where
        reached.damaged
        or reached.restored
        or reached.before < reached.reach_back
    union all
    select
        ends.cluster,
        ends.group_id,
        ends.ended_at as started_at,
        least(ends.cluster_end, ends.ended_at + interval 1 day) as ended_at,
        'scope not proven' as cause
    from ends
),

-- Neighbours of one kind are one span.
neighbours as (
    select
        *,
        lag(coalesce(cause, '')) over (
            partition by group_id
            order by started_at, ended_at
        ) as cause_before
    from pieces
    where started_at < ended_at
),

spans as (
    select
        *,
        sum(
            cast(cause_before is null or cause_before <> coalesce(cause, '') as integer)
        ) over (
            partition by group_id
            order by started_at, ended_at
            rows between unbounded preceding and current row
        ) as span
    from neighbours
)

select
    spans.cluster,
    groups.namespaces,
    min(spans.started_at) as started_at,
    max(spans.ended_at) as ended_at,
    spans.cause is null as covered,
    spans.cause
from spans
inner join groups on spans.group_id = groups.group_id
group by spans.cluster, groups.namespaces, spans.group_id, spans.span, spans.cause

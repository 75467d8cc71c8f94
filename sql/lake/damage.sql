-- title: Damage
-- question: Of which runs is a part or the ledger's row lost, so that they prove less than they did?
-- present lists the parts that can be read, in files of their own or in sealed days; lost_rows
-- what of the ledger cannot be read. What retention deleted is gone on purpose.
with deletions as (
    select
        cluster,
        max(deleted_before) as deleted_before
    from ledger
    where kind = 'retention'
    group by cluster
),

promised as (
    select
        cluster,
        snapshot_id,
        started_at,
        unnest(parts) as part
    from ledger
)

select distinct
    promised.cluster,
    promised.snapshot_id,
    promised.started_at
from promised
anti join present
    on
        promised.cluster = present.cluster
        and promised.part = present.part
anti join deletions
    on
        promised.cluster = deletions.cluster
        and cast(split_part(promised.part, '/', 1) as date) < deletions.deleted_before
union all
select
    cluster,
    snapshot_id,
    started_at
from lost_rows

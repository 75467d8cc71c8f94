-- title: Ended before
-- question: Which of the arriving copies only note that a state ended that was there without the note?
-- context are the day's other parts.
with noted as (
    select
        uid,
        n,
        last_seen,
        deleted_at
    from arriving
    where deleted_at is not null
),

others as (
    select
        uid,
        n,
        last_seen
    from context
    union all
    select
        uid,
        n,
        last_seen
    from days
    where list_contains(getvariable('settled_runs'), snapshot_id)
)

select noted.*
from noted
semi join others using (uid, n, last_seen)

-- title: Newest
-- question: Until when does the lake reach: what is the moment of its newest list, or of its newest event?
-- An event whose recorder's clock was ahead of the list that showed it does not count.
select
    greatest(
        (
            select max(snapshots.collected_at) from snapshots
            where snapshots.status != 'failed'
        ),
        (
            select max(observations.last_seen) from observations
            where observations.last_seen <= observations.observed_at
        )
    ) as newest

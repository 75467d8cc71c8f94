-- title: Arrivals
-- question: What of one day has somebody to get next, in the order of time? One row per copy of a state.
-- What stands before the place where the reading stopped is left out; all four are null where it begins.
-- parameters: after_seen, after_n, after_uid, after_version
select arriving.*
from arriving
anti join ended_before using (uid, n, last_seen, deleted_at)
where
    $after_seen is null
    or (
        arriving.last_seen >= $after_seen
        and (arriving.last_seen, arriving.n, arriving.uid, coalesce(arriving.resource_version, -1))
        > ($after_seen, $after_n, $after_uid, $after_version)
    )
order by
    arriving.last_seen,
    arriving.n,
    arriving.uid,
    coalesce(arriving.resource_version, -1),
    arriving.deleted_at nulls first

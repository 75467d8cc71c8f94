-- title: Copied
-- question: Which states stand in the parts more than once? One row per state.
select
    cluster,
    date,
    uid,
    n,
    last_seen
from parts
group by cluster, date, uid, n, last_seen
having count(*) > 1

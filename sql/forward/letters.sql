-- title: Letters
-- question: What does the lake hold of some event objects on one day? One row per state.
-- parameters: cluster, date, uids
select *
from observations
where
    cluster = $cluster
    and date = $date
    and list_contains($uids, uid)

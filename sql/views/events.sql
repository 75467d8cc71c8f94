-- title: Events
-- question: What happened, how often, and since when? One row per observation, with its occurrences.
select
    observations.*,
    occurrences.occurrences,
    occurrences.since,
    occurrences.reset
from observations
inner join occurrences using (cluster, date, uid, n, last_seen)

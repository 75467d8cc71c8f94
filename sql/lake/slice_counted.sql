-- title: Slice, counted
-- question: What do the observations of one slice add? Only those of the day that is sealed.
select
    near.place,
    counting.occurrences,
    counting.since,
    counting.reset
from counting
inner join near using (date, uid, n, last_seen)
where date = $day

-- title: Slice, counted
-- question: What do the observations of one slice add? Only those of the day that is sealed.
select
    place,
    occurrences,
    since,
    reset
from counting
where date = $day

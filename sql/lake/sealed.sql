-- title: Sealed
-- question: In which order do the states of a sealed day stand, and what does each add?
select
    standing.place,
    standing.text_bytes,
    counted.occurrences,
    counted.since,
    counted.reset
from standing
inner join counted using (place)
order by
    standing.reason,
    standing.namespace,
    standing.object_name,
    standing.last_seen,
    standing.place

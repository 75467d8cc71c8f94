-- title: Repeated
-- question: Which rows of the parts are copies of each other? Those of one slice, while a day is sealed.
-- The variables slices and slice say in how many turns, and which one it is.
select all_parts.*
from all_parts
semi join copied using (cluster, date, uid, n, last_seen)
where hash(all_parts.uid) % getvariable('slices') = getvariable('slice')

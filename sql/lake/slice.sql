-- title: Slice
-- question: Which observations are counted together, while a day is sealed?
-- The variables slices and slice say in how many turns, and which one it is.
select
    cluster,
    date,
    namespace,
    name,
    uid,
    n,
    first_seen,
    last_seen,
    resource_version,
    flags,
    place,
    place is not null as own
from sliced
where line % getvariable('slices') = getvariable('slice')

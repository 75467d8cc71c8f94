-- title: Sliced, the day before
-- question: Which observations of the day before may belong to lineages of the day that is sealed?
with before as (
    select
        uncounted.* exclude (own),
        cast(null as bigint) as place,
        hash(namespace, coalesce(name, uid)) as line
    from uncounted
    where date = $day_before
)

select before.*
from before
semi join sliced using (line)

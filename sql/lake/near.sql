-- title: Near
-- question: Which observations does the counting of open days depend on? Theirs and those of the day before.
-- Sealing knows the place of a state in the files, and gets it back with what the state adds.
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
    cast(null as bigint) as place
from merged
union all
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
    cast(null as bigint) as place
from context

-- title: Near
-- question: Which observations does the counting of open days depend on? Their own and those of the day before.
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
    true as own
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
    false as own
from context

-- title: Near
-- question: Which observations does the counting of open days depend on? Theirs and those of the day before.
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
    flags
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
    flags
from context

-- title: Sliced
-- question: Which observations does a day that is sealed have, and which line does each belong to?
-- A lineage never crosses lines, so that a day can be counted one slice of lines after the other.
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
    hash(namespace, coalesce(name, uid)) as line
from standing

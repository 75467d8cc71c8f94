-- title: Latest states
-- question: What is the newest state of each event object? What kubectl get events would have shown.
select observations.*
from observations
qualify row_number() over (
    partition by cluster, uid
    order by resource_version desc nulls last, last_seen desc, n desc
) = 1

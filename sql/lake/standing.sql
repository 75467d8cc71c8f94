-- title: Standing
-- question: Which states does a day that is sealed have, and where does each stand? Copies stand merged.
select located.*
from located
anti join copies using (uid, n, last_seen)
union all
select copies.*
from copies

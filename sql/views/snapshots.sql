-- title: Snapshots
-- question: Which runs read the clusters, and what did each see? The ledger, one row per run, failed ones too.
-- A ledger row that was written twice, by a repeated publish, counts once.
select ledger.*
from ledger
qualify
    row_number() over (partition by cluster, snapshot_id order by finished_at desc nulls last) = 1

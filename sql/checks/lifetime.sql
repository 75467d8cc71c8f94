-- title: Lifetime of events (I7)
-- question: How long do events really live in each cluster, and is that as long as configured?
-- parameters: $start, $end
-- What is still listed lived at least as long as the oldest last write says, less the minute by which
-- leases are shared; what vanished lived no longer than the time since its last write. Both are medians
-- over lists, because an event that was deleted, or whose lease a new leader of etcd renewed, says
-- nothing. An event goes early if it was written less than the TTL ago: when that is the rule and not
-- the exception, in three lists or more, it is the TTL that is shorter.
with lists as (
    select
        cluster,
        ttl_seconds,
        sent_at,
        vanished,
        vanished_early,
        vanished_age_seconds,
        (epoch_us(received_at) - epoch_us(oldest_written_at)) / 1e6 as oldest_seconds
    from snapshots
    where
        kind in ('list', 'watch')
        and status in ('complete', 'inconsistent')
        and date >= cast($start as date) - 1
        and sent_at >= $start
        and sent_at < $end
)

select
    cluster,
    arg_max(ttl_seconds, sent_at) as ttl_seconds,
    count(*) as lists,
    cast(coalesce(sum(vanished), 0) as bigint) as vanished,
    cast(coalesce(sum(vanished_early), 0) as bigint) as vanished_early,
    greatest(median(oldest_seconds) - 60, 0) as at_least_seconds,
    median(vanished_age_seconds) as at_most_seconds,
    count(*) filter (where vanished > 0 and 2 * vanished_early > vanished) >= 3
    and 2 * coalesce(sum(vanished_early), 0) > sum(vanished) as too_short
from lists
group by cluster
order by cluster

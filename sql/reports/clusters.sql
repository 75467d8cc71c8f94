-- title: Clusters
-- title_zh: 集群
-- question: Which clusters are watched, how fresh is what is known of each, and what is wrong?
-- question_zh: 监控了哪些集群，各自的数据有多新，有什么问题？
-- parameters: start, end
-- One row per cluster that the configuration names, that a run ever tried to read, or that was
-- imported. All is said as of the end of the window; snapshots, failed and covered_share are of the
-- window. state, the first that is true: stale, the newest snapshot is a TTL old, so events
-- expired unseen; failing, the newest run failed, if only for some namespaces; late, it is older than two intervals; fresh;
-- imported, of dumps only; unknown, it is configured and no run ever told of it.
with runs as (
    select
        cluster,
        kind in ('import', 'sample') as imported,
        kind in ('list', 'watch') and status != 'failed' as usable,
        status = 'failed' as failed,
        started_at,
        coalesce(sent_at, collected_at, started_at) as asked_at,
        started_at >= $start as of_window,
        kind,
        items,
        error,
        ttl_seconds,
        interval_seconds,
        vanished_age_seconds,
        (epoch_us(received_at) - epoch_us(oldest_written_at)) / 1e6 as oldest_seconds
    from snapshots
    where
        date <= cast($end as date)
        and started_at < $end
        and kind in ('list', 'watch', 'import', 'sample')
),

read as (
    select
        cluster,
        bool_or(imported) as imported,
        max(asked_at) filter (where usable) as last_snapshot_at,
        max(started_at) filter (where usable) as last_read_at,
        max(started_at) filter (where failed) as last_failed_at,
        arg_max(error, started_at) filter (where failed) as last_error,
        count(*) filter (where usable and of_window) as snapshots,
        count(*) filter (where failed and of_window) as failed,
        arg_max(items, started_at) filter (where usable and kind = 'list') as items,
        arg_max(ttl_seconds, started_at) as ttl_seconds,
        arg_max(interval_seconds, started_at) as interval_seconds,
        greatest(median(oldest_seconds) filter (where usable and of_window) - 60, 0)
            as at_least_seconds,
        median(vanished_age_seconds) filter (where usable and of_window) as at_most_seconds
    from runs
    group by cluster
),

proven as (
    select
        cluster,
        sum(epoch_us(least(ended_at, $end)) - epoch_us(greatest(started_at, $start)))
        / (epoch_us($end) - epoch_us($start)) as covered_share
    from coverage
    where covered and started_at < $end and ended_at > $start
    group by cluster
),

known as (
    select cluster from configured
    union
    select cluster from read
),

aged as (
    select
        known.cluster,
        read.* exclude (cluster),
        coalesce(proven.covered_share, 0) as covered_share,
        (epoch_us($end) - epoch_us(read.last_snapshot_at)) / 1e6 as age_seconds,
        coalesce(read.last_failed_at >= read.last_read_at, read.last_failed_at is not null)
            as failing
    from known
    left join read on known.cluster = read.cluster
    left join proven on known.cluster = proven.cluster
),

judged as (
    select
        *,
        case
            when age_seconds >= ttl_seconds then 'stale'
            when failing then 'failing'
            when age_seconds > 2 * interval_seconds then 'late'
            when age_seconds is not null then 'fresh'
            when imported then 'imported'
            else 'unknown'
        end as state
    from aged
)

select
    cluster,
    state,
    last_snapshot_at,
    age_seconds,
    covered_share,
    coalesce(snapshots, 0) as snapshots,
    coalesce(failed, 0) as failed,
    items,
    ttl_seconds,
    at_least_seconds,
    at_most_seconds,
    case when failing then last_error end as error
from judged
order by
    list_position(['unknown', 'stale', 'failing', 'late', 'imported', 'fresh'], state),
    cluster

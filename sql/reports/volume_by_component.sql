-- title: Who writes events
-- title_zh: 谁在写事件
-- question: Which components make the API server store how many events, how fast, and how much text?
-- question_zh: 哪些组件让 API server 存储了多少事件，速度多快，文本多大？
-- parameters: start, end, limit=20
-- chart: bar x=states y=component limit=15
-- One row per cluster and component. A state is a write that a snapshot saw: what was overwritten
-- between two snapshots was written, too, so all numbers here are least numbers.
-- states_per_second is the mean over the part of the window that is proven, null where
-- nothing is; the peak is that of a minute. occurrences are what the writer counted:
-- many for one state is what client-go's counting saves. message_bytes is the text alone; with
-- its names and metadata an event takes about a kilobyte more.
with minutes as (
    select
        cluster,
        component,
        slot_of(last_seen, interval 1 minute) as minute,
        count(*) as states,
        sum(occurrences) as occurrences,
        sum(strlen(message)) as message_bytes
    from events
    where
        date >= cast($start as date)
        and date <= cast($end as date)
        and last_seen >= $start
        and last_seen < $end
    group by cluster, component, minute
),

proven as (
    select
        cluster,
        sum(
            epoch_us(least(ended_at, $end)) - epoch_us(greatest(started_at, $start))
        ) / 1e6 as seconds
    from coverage
    where covered and started_at < $end and ended_at > $start
    group by cluster
),

summed as (
    select
        cluster,
        component,
        sum(states) as states,
        sum(sum(states)) over () as states_of_all,
        max(states) as peak_states_per_minute,
        sum(occurrences) as occurrences,
        coalesce(sum(message_bytes), 0) as message_bytes
    from minutes
    group by cluster, component
)

select
    summed.cluster,
    summed.component,
    cast(summed.states as bigint) as states,
    cast(summed.states as double) / summed.states_of_all as share,
    cast(summed.occurrences as bigint) as occurrences,
    summed.states / proven.seconds as states_per_second,
    summed.peak_states_per_minute,
    cast(summed.message_bytes as bigint) as message_bytes
from summed
left join proven on summed.cluster = proven.cluster
order by summed.states desc, summed.cluster, summed.component nulls last
limit $limit

-- title: Crash loops
-- title_zh: 容器反复崩溃
-- question: Which containers end again and again, and how often were they started?
-- question_zh: 哪些容器反复退出，被启动了多少次？
-- parameters: start, end, limit=50
-- chart: bar x=back_offs y=object_name limit=15
-- One row per pod and container that the kubelet held back before a restart. BackOff of type Normal
-- is about pulling an image and has another text. back_offs counts the kubelet's messages and
-- not restarts; starts counts Started of the same container, a restart each but for the first.
-- A container killed for its memory has no event of its own and shows up here.
with told as (
    select
        cluster,
        namespace,
        object_name,
        object_field_path,
        sum(occurrences) filter (where reason = 'BackOff') as back_offs,
        coalesce(sum(occurrences) filter (where reason = 'Started'), 0) as starts,
        min(last_seen) filter (where reason = 'BackOff') as first_event,
        max(last_seen) filter (where reason = 'BackOff') as last_event,
        arg_max(message, row(last_seen, message)) filter (where reason = 'BackOff') as example
    from events
    where
        date >= cast($start as date)
        and date <= cast($end as date)
        and last_seen >= $start
        and last_seen < $end
        and reason in ('BackOff', 'Started')
        and object_kind = 'Pod'
        and (reason = 'Started' or contains(lower(message), 'back-off restarting failed container'))
    group by cluster, namespace, object_name, object_field_path
    having sum(occurrences) filter (where reason = 'BackOff') > 0
)

select
    cluster,
    namespace,
    object_name,
    nullif(regexp_extract(object_field_path, '\{(.*)\}', 1), '') as container,
    cast(back_offs as bigint) as back_offs,
    cast(starts as bigint) as starts,
    first_event,
    last_event,
    example
from told
order by
    back_offs desc,
    cluster,
    namespace nulls last,
    object_name nulls last,
    object_field_path nulls last
limit $limit

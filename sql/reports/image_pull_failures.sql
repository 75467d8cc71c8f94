-- title: Image pull failures
-- title_zh: 镜像拉取失败
-- question: Which images could not be pulled, why, and how many pods wait for them?
-- question_zh: 哪些镜像拉取失败，原因是什么，多少 Pod 在等待？
-- parameters: start, end, limit=50
-- chart: bar x=pods y=image limit=15
-- One row per cluster and image. failures are attempts that failed, back_offs the waits between
-- them, which are of type Normal. "Error: ErrImagePull" and its like say the same once more
-- and are not counted. cause is that of most failures, null where only waits were seen;
-- causes says how many there were.
with texts as (
    select
        cluster,
        namespace,
        object_name,
        case when component = 'kubelet' then host end as node,
        reason,
        message,
        sum(occurrences) as occurrences,
        min(last_seen) as first_event,
        max(last_seen) as last_event
    from events
    where
        date >= cast($start as date)
        and date <= cast($end as date)
        and last_seen >= $start
        and last_seen < $end
        and object_kind = 'Pod'
        and reason in (select unnest(['Failed', 'BackOff', 'ErrImageNeverPull', 'InspectFailed']))
        and (
            (reason = 'Failed' and contains(message, 'Failed to pull image'))
            or (reason = 'BackOff' and contains(message, 'Back-off pulling image'))
            or reason in ('ErrImageNeverPull', 'InspectFailed')
        )
    group by cluster, namespace, object_name, node, reason, message
    having sum(occurrences) > 0
),

-- A text is looked at once, however many pods say it.
meanings as (
    select
        reason,
        message,
        regexp_extract(message, '[Ii]mage "([^"]*)"', 1) as image,
        case
            when reason = 'BackOff' then null
            when reason = 'ErrImageNeverPull' then 'never pulled'
            when reason = 'InspectFailed' then 'invalid name'
            when contains(message, 'may require') then 'not there or not allowed'
            when
                regexp_matches(
                    lower(message),
                    'unauthorized|denied|forbidden|authentication required|no basic auth'
                )
                then 'not allowed'
            when
                regexp_matches(
                    lower(message), 'not found|notfound|manifest unknown|name unknown|not exist'
                )
                then 'not there'
            when
                regexp_matches(lower(message), 'toomanyrequests|too many requests|qps exceeded')
                then 'rate limit'
            when contains(lower(message), 'no such host') then 'name not resolved'
            when regexp_matches(lower(message), 'x509|certificate|tls:') then 'certificate'
            when
                regexp_matches(
                    lower(message),
                    'timeout|timed out|deadline exceeded|connection refused|connection reset'
                    || '|unreachable|no route to host|unexpected eof'
                )
                then 'registry not reached'
            when contains(lower(message), 'no space left') then 'no space left'
            when contains(lower(message), 'no match for platform') then 'wrong platform'
            else 'other'
        end as cause
    from texts
    group by reason, message
),

told as (
    select
        texts.cluster,
        texts.namespace,
        texts.object_name,
        texts.node,
        texts.reason = 'BackOff' as waits,
        texts.message,
        texts.occurrences,
        texts.first_event,
        texts.last_event,
        meanings.image,
        meanings.cause
    from texts
    inner join meanings
        on
            texts.reason = meanings.reason
            and texts.message is not distinct from meanings.message
),

caused as (
    select
        cluster,
        image,
        arg_max(cause, row(number, cause)) as cause,
        count(*) as causes
    from (
        select
            cluster,
            image,
            cause,
            sum(occurrences) as number
        from told
        where cause is not null
        group by cluster, image, cause
    ) as numbered
    group by cluster, image
),

pulled as (
    select
        cluster,
        image,
        coalesce(sum(occurrences) filter (where not waits), 0) as failures,
        coalesce(sum(occurrences) filter (where waits), 0) as back_offs,
        count(distinct row(namespace, object_name)) as pods,
        count(distinct namespace) as namespaces,
        count(distinct node) as nodes,
        min(first_event) as first_event,
        max(last_event) as last_event,
        arg_max(message, row(not waits, last_event, message)) as example
    from told
    group by cluster, image
)

select
    pulled.cluster,
    nullif(pulled.image, '') as image,
    caused.cause,
    cast(pulled.failures as bigint) as failures,
    cast(pulled.back_offs as bigint) as back_offs,
    pulled.pods,
    pulled.namespaces,
    pulled.nodes,
    coalesce(caused.causes, 0) as causes,
    pulled.first_event,
    pulled.last_event,
    pulled.example
from pulled
left join caused
    on pulled.cluster = caused.cluster and pulled.image is not distinct from caused.image
order by
    pulled.pods desc,
    pulled.failures + pulled.back_offs desc,
    pulled.cluster,
    pulled.image
limit $limit

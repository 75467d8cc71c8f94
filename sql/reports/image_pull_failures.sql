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
with told as (
    select
        cluster,
        namespace,
        object_name,
        case when component = 'kubelet' then host end as node,
        regexp_extract(message, '[Ii]mage "([^"]*)"', 1) as image,
        reason = 'BackOff' as waits,
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
        end as cause,
        occurrences,
        last_seen,
        message
    from events
    where
        date >= cast($start as date)
        and date <= cast($end as date)
        and last_seen >= $start
        and last_seen < $end
        and object_kind = 'Pod'
        and occurrences > 0
        and (
            (reason = 'Failed' and contains(message, 'Failed to pull image'))
            or (reason = 'BackOff' and contains(message, 'Back-off pulling image'))
            or reason in ('ErrImageNeverPull', 'InspectFailed')
        )
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
        min(last_seen) as first_event,
        max(last_seen) as last_event,
        arg_max(message, row(not waits, last_seen, message)) as example
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
left join caused on pulled.cluster = caused.cluster and pulled.image = caused.image
order by
    pulled.pods desc,
    pulled.failures + pulled.back_offs desc,
    pulled.cluster,
    pulled.image
limit $limit

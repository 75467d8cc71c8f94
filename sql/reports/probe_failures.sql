-- title: Probe failures
-- title_zh: 探针失败
-- question: Which probes fail, why, and in how many pods?
-- question_zh: 哪些探针失败，原因是什么，涉及多少 Pod？
-- parameters: start, end, limit=30
-- chart: bar x=occurrences y=cause color=probe limit=15
-- One row per cluster, kind of probe and cause, which is told by the text. What no prober writes
-- is what a command wrote that ended with another code than 0: command failed, also where it wrote
-- nothing. Where its words are those of a cause (a client's connection refused), that is the cause.
-- A probe of null is not named by the text. top_workload is the one with most of them, example
-- the newest message.
with texts as (
    select
        cluster,
        namespace,
        object_name,
        workload,
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
        and reason in (select unnest(['Unhealthy', 'ProbeError', 'ProbeWarning']))
        and object_kind = 'Pod'
    group by cluster, namespace, object_name, workload, message
    having sum(occurrences) > 0
),

-- A text is looked at once, however many pods say it.
said as (
    select
        message,
        lower(coalesce(message, '')) as words
    from texts
    group by message
),

meanings as (
    select
        message,
        nullif(regexp_extract(words, '^(readiness|liveness|startup) probe', 1), '') as probe,
        case
            when regexp_matches(words, 'statuscode: [1-9]')
                then 'HTTP ' || regexp_extract(words, 'statuscode: ([1-9])', 1) || 'xx'
            when contains(words, 'probe warning: probe terminated redirects')
                then 'redirected elsewhere'
            when
                regexp_matches(
                    words,
                    'timed out|timeout|deadline exceeded|deadlineexceeded|did not complete within'
                    || '|request canceled'
                )
                then 'timed out'
            when contains(words, 'connection refused') then 'connection refused'
            when regexp_matches(words, 'connection reset|broken pipe|: (unexpected )?eof\b')
                then 'connection reset'
            when regexp_matches(words, 'no such host|server misbehaving') then 'name not resolved'
            when regexp_matches(words, 'no route to host|unreachable') then 'host not reached'
            when
                regexp_matches(
                    words,
                    'malformed http|http response to https|does not implement the grpc'
                    || '|first record does not look like a tls'
                )
                then 'wrong protocol'
            when regexp_matches(words, 'x509|certificate|tls: ') then 'certificate'
            when contains(words, 'service unhealthy (responded with') then 'not serving'
            when
                regexp_matches(
                    words, 'executable file not found|exec: .*(no such file|permission denied)'
                )
                then 'command not there'
            when
                regexp_matches(
                    words,
                    'container (is )?not (running|created)|container .*not found|is not running'
                    || '|no such container|cannot exec in a (stopped|deleted)|stopped state'
                )
                then 'container not running'
            when regexp_matches(words, '^\w+ probe failed:') then 'command failed'
            else 'other'
        end as cause
    from said
),

told as (
    select
        texts.*,
        meanings.probe,
        meanings.cause
    from texts
    inner join meanings on texts.message is not distinct from meanings.message
),

most as (
    select
        cluster,
        probe,
        cause,
        arg_max(workload, row(number, workload)) as workload
    from (
        select
            cluster,
            probe,
            cause,
            workload,
            sum(occurrences) as number
        from told
        group by cluster, probe, cause, namespace, workload
    ) as numbered
    group by cluster, probe, cause
),

summed as (
    select
        cluster,
        probe,
        cause,
        cast(sum(occurrences) as bigint) as occurrences,
        count(distinct row(namespace, object_name)) as pods,
        count(distinct row(namespace, workload)) as workloads,
        min(first_event) as first_event,
        max(last_event) as last_event,
        arg_max(message, row(last_event, message)) as example
    from told
    group by cluster, probe, cause
)

select
    summed.cluster,
    summed.probe,
    summed.cause,
    summed.occurrences,
    summed.pods,
    summed.workloads,
    most.workload as top_workload,
    summed.first_event,
    summed.last_event,
    summed.example
from summed
inner join most
    on
        summed.cluster = most.cluster
        and summed.probe is not distinct from most.probe
        and summed.cause = most.cause
order by summed.occurrences desc, summed.cluster, summed.probe nulls last, summed.cause
limit $limit

-- title: Volume failures
-- title_zh: 存储卷故障
-- question: Which volumes could not be provisioned, attached or mounted, and why?
-- question_zh: 哪些存储卷无法创建、挂接或挂载，原因是什么？
-- parameters: start, end, limit=50
-- chart: bar x=occurrences y=cause color=reason limit=15
-- One row per cluster, namespace, reason and cause, which is told by the text; other where it tells
-- none of the known ones. volumes counts the names in the texts. FailedBinding of type Normal
-- is a claim that waits for a volume or a class. example is the newest message.
with texts as (
    select
        cluster,
        namespace,
        reason,
        object_kind,
        object_name,
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
        and reason in (
            select unnest([
                'AlreadyMountedVolume',
                'ClaimLost',
                'ClaimMisbound',
                'FailedAttachVolume',
                'FailedBinding',
                'FailedMapVolume',
                'FailedMount',
                'FailedMountOnFilesystemMismatch',
                'FileSystemResizeFailed',
                'ProvisioningCleanupFailed',
                'ProvisioningFailed',
                'VolumeConditionAbnormal',
                'VolumeFailedDelete',
                'VolumeFailedRecycle',
                'VolumeMismatch',
                'VolumeResizeFailed'
            ])
        )
    group by cluster, namespace, reason, object_kind, object_name, message
    having sum(occurrences) > 0
),

-- A text is looked at once, however many pods say it.
meanings as (
    select
        message,
        case
            when contains(message, 'Multi-Attach error') then 'attached elsewhere'
            when regexp_matches(message, 'secrets? "[^"]*" not found') then 'secret not there'
            when regexp_matches(message, 'configmaps? "[^"]*" not found') then 'configmap not there'
            when
                regexp_matches(lower(message), 'persistentvolumeclaim "[^"]*" not found')
                then 'claim not there'
            when
                regexp_matches(lower(message), 'storageclass[^ ]* "[^"]*" not found')
                then 'storage class not there'
            when contains(message, 'registered CSI drivers') then 'driver not there'
            when regexp_matches(message, 'failed to sync \w+ cache|not registered')
                then 'kubelet not in sync'
            when contains(message, 'hostPath type check failed') then 'host path not there'
            when contains(message, 'no persistent volumes available') then 'no volume to bind'
            when regexp_matches(lower(message), 'permission denied|access denied|unauthorized')
                then 'not allowed'
            when
                regexp_matches(lower(message), 'quota|exceeded|no space left|outofcapacity')
                and not contains(message, 'deadline exceeded')
                then 'no room'
            when regexp_matches(lower(message), 'timed out|deadline exceeded|timeout')
                then 'timed out'
            when regexp_matches(message, 'mount failed|exit status') then 'mount command failed'
            else 'other'
        end as cause,
        coalesce(
            nullif(regexp_extract(message, 'volume "([^"]*)"', 1), ''),
            nullif(regexp_extract(message, 'unmounted volumes=\[([^\]]*)\]', 1), '')
        ) as volume
    from texts
    group by message
)

select
    texts.cluster,
    texts.namespace,
    texts.reason,
    meanings.cause,
    cast(sum(texts.occurrences) as bigint) as occurrences,
    count(distinct row(texts.object_kind, texts.object_name)) as objects,
    count(distinct meanings.volume) as volumes,
    min(texts.first_event) as first_event,
    max(texts.last_event) as last_event,
    arg_max(texts.message, row(texts.last_event, texts.message)) as example
from texts
inner join meanings on texts.message is not distinct from meanings.message
group by texts.cluster, texts.namespace, texts.reason, meanings.cause
order by
    occurrences desc,
    texts.cluster,
    texts.namespace nulls last,
    texts.reason,
    meanings.cause
limit $limit

-- title: Whereabouts
-- question: In which clusters and namespaces are there events about an object, or at all, and until when?
-- The newest come first, so that who looks in the wrong namespace is told the right one.
-- A workload is also found by its pods: its own events may be gone. With $within the
-- object is a namespace, and all events in it count; with $hosts it is a Node, and what it reported, too.
select
    cluster,
    namespace,
    count(*) as states,
    max(last_seen) as last_seen
from observations
where
    last_seen >= $start
    and last_seen < $end
    and date >= cast($start as date)
    and date <= cast($end as date)
    and ($namespace is null or namespace = $namespace)
    and (
        $name is null
        or ($within and namespace = $name)
        or (
            not $within
            and (
                (object_name = $name and list_contains($kinds, lower(object_kind)))
                or ($hosts and host = $name)
                or (
                    $owns
                    and object_kind = 'Pod'
                    and starts_with(object_name, $name || '-')
                    and regexp_full_match(
                        substr(object_name, length($name) + 2),
                        '(?:[a-z0-9]{6,10}-)?[a-z0-9]{5}|[0-9]+'
                    )
                )
            )
        )
    )
group by cluster, namespace
order by last_seen desc, cluster asc, namespace asc
limit 20

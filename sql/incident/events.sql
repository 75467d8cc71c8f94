-- title: Events as kubectl shows them
-- question: Which event objects are about an object or a namespace, and what was their newest state in a window?
-- An event object is one row, its newest state in the window; with $every each state is one.
-- $namespace, $cluster null means all of them; an empty list of $kinds, $types or $reasons, too.
-- $kinds and $types are in lower case. Of more than $most rows the newest are kept.
with chosen as (
    select observations.*
    from observations
    where
        last_seen >= $start
        and last_seen < $end
        and date >= cast($start as date)
        and date <= cast($end as date)
        and ($namespace is null or namespace = $namespace)
        and ($name is null or object_name = $name)
        and (len($kinds) = 0 or list_contains($kinds, lower(object_kind)))
        and (len($types) = 0 or list_contains($types, lower(type)))
        and (len($reasons) = 0 or list_contains($reasons, reason))
    qualify
        $every
        or row_number() over (
            partition by cluster, uid
            order by resource_version desc nulls last, last_seen desc, n desc
        ) = 1
),

newest as (
    select chosen.*
    from chosen
    order by last_seen desc, cluster desc, namespace desc, name desc, uid desc, n desc
    limit $most
)

select newest.*
from newest
order by last_seen, cluster, namespace, name, uid, n

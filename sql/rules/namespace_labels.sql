-- title: Labels of namespaces
-- question: Which labels did each namespace have last, as far as states tell?
-- parameters: $base, from when on states are looked at; $end
-- For routes: an alert that names a namespace goes where the labels of that namespace lead.
select
    cluster,
    namespace,
    arg_max(namespace_labels, observed_at) as labels
from observations
where
    date >= cast($base as date)
    and date <= cast($end as date)
    and last_seen >= $base
    and last_seen < $end
    and namespace is not null
    and namespace_labels is not null
group by cluster, namespace
order by cluster, namespace

-- title: Owners
-- question: Which workload is behind each object that a controller said it made?
-- A pod's ReplicaSet counts only where nothing says whose it is. Grouping stands in a view of its
-- own, outermost: so DuckDB 2.0 knows that there is one row for each object, and leaves all of
-- this out of questions that do not ask for workloads.
select
    cluster,
    date,
    namespace,
    child_kind,
    child_name,
    arg_max(kind, step) as kind,
    arg_max(name, step) as name
from claims
group by cluster, date, namespace, child_kind, child_name

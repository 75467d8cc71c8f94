-- title: Tree
-- question: What does a statement consist of? Its syntax tree as JSON, without running it.
select json_serialize_sql(cast($statement as varchar)) as tree

-- title: Regular expression
-- question: Is this a regular expression that rules can match with? It fails where RE2 refuses it.
-- parameters: $pattern
select regexp_full_match('', $pattern, 's') as matches_nothing

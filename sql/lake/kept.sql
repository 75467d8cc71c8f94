-- title: Kept
-- question: What are the states of open days, merged, counted and rolled up, when the session keeps them?
-- Patterns are told when somebody asks for them: masking texts takes as long as all the rest.
select * replace (message_pattern(message) as message_pattern)
from kept_once

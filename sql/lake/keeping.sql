-- title: Keeping
-- question: What does a session keep of open days that it is asked for again and again? All but the patterns of messages.
select * replace (cast(null as varchar) as message_pattern)
from rolled_up

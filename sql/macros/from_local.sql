-- title: From local time
-- question: When was it this local time? The first time, where clocks went back and it came twice.
-- DuckDB takes the second one. Clocks go back by an hour, or on Lord Howe by half of one. A
-- local time that clocks jumped over is the moment at which they did.
create or replace macro from_local(local_time, zone) as
case
    when timezone(zone, timezone(zone, local_time) - interval 1 hour) = local_time
        then timezone(zone, local_time) - interval 1 hour
    when timezone(zone, timezone(zone, local_time) - interval 30 minutes) = local_time
        then timezone(zone, local_time) - interval 30 minutes
    else timezone(zone, local_time)
end

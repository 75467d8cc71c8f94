-- title: Slot
-- question: In which slot of time does a moment lie? So short that buckets of $width are whole slots.
-- Slots count from 1970 in UTC. Every timezone is whole quarters of an hour off it, so local
-- midnights, and buckets of $width counted from them, begin with a slot. Grouping by slot
-- first is arithmetic (0.1 s for 10 million rows); a timezone per row takes ten times that.
create or replace macro slot_of(moment, width) as
make_timestamptz(
    epoch_us(moment)
    - epoch_us(moment) % (1000000 * gcd(cast(epoch(width) as bigint), 900))
)

-- title: Hour by weekday
-- title_zh: 星期与小时分布
-- question: At which hours of which weekdays does most happen?
-- question_zh: 星期几的几点事件最多？
-- parameters: start, end, timezone, days=28
-- chart: heatmap x=hour y=weekday color=per_hour mark=proven_hours
-- A window says little about weekdays, so this looks back $days from its end, or to its start
-- where that is earlier. One row per weekday (1 is Monday) and hour of $timezone. hours is how
-- often the span holds that hour: 3 or 5 where clocks changed on one of four Sundays, and less
-- where it is cut. proven_hours is the part of it that snapshots of the least covered cluster
-- prove, and per_hour what happened divided by hours: an hour that nobody saw looks quiet, so
-- read the two side by side.
with span as (
    select
        least($start, $end - to_days(cast($days as integer))) as span_start,
        $end as span_end
),

happened as (
    select
        slot_of(last_seen, interval 15 minutes) as slot,
        sum(occurrences) as occurrences,
        sum(case when type = 'Warning' then occurrences else 0 end) as warnings
    from events
    where
        date >= cast(least($start, $end - to_days(cast($days as integer))) as date)
        and date <= cast($end as date)
        and last_seen >= least($start, $end - to_days(cast($days as integer)))
        and last_seen < $end
    group by slot
),

slots as (
    select
        unnest(
            generate_series(
                slot_of(span_start, interval 15 minutes),
                span_end - interval 1 microsecond,
                interval 15 minutes
            )
        ) as slot,
        span_start,
        span_end
    from span
    where span_start < span_end
),

pieces as (
    select
        slot,
        isodow(timezone($timezone, slot)) as weekday,
        hour(timezone($timezone, slot)) as hour,
        greatest(slot, span_start) as piece_start,
        least(slot + interval 15 minutes, span_end) as piece_end
    from slots
),

known as (
    select distinct cluster
    from coverage
    where started_at < $end
),

proofs as (
    select
        pieces.weekday,
        pieces.hour,
        coverage.cluster,
        sum(
            epoch_us(least(coverage.ended_at, pieces.piece_end))
            - epoch_us(greatest(coverage.started_at, pieces.piece_start))
        ) as proven
    from pieces
    inner join coverage
        on
            coverage.covered
            and pieces.piece_end > coverage.started_at
            and pieces.piece_start < coverage.ended_at
    group by pieces.weekday, pieces.hour, coverage.cluster
),

summed as (
    select
        pieces.weekday,
        pieces.hour,
        sum(epoch_us(pieces.piece_end) - epoch_us(pieces.piece_start)) / 3.6e9 as hours,
        coalesce(sum(happened.occurrences), 0) as occurrences,
        coalesce(sum(happened.warnings), 0) as warnings
    from pieces
    left join happened on pieces.slot = happened.slot
    group by pieces.weekday, pieces.hour
),

least_proven as (
    select
        summed.weekday,
        summed.hour,
        min(coalesce(proofs.proven, 0)) / 3.6e9 as proven_hours
    from summed
    cross join known
    left join proofs
        on
            summed.weekday = proofs.weekday
            and summed.hour = proofs.hour
            and known.cluster = proofs.cluster
    group by summed.weekday, summed.hour
)

select
    summed.weekday,
    summed.hour,
    cast(summed.occurrences as bigint) as occurrences,
    cast(summed.warnings as bigint) as warnings,
    summed.hours,
    least_proven.proven_hours,
    cast(summed.occurrences as double) / summed.hours as per_hour
from summed
left join least_proven
    on summed.weekday = least_proven.weekday and summed.hour = least_proven.hour
order by summed.weekday, summed.hour

-- title: Buckets
-- question: Into which buckets is a window cut, and how much of each is proven by snapshots?
-- One row per bucket: `bucket` is its start, which may lie before the window's; `ended_at` is
-- its end, or the window's; `covered_share` is the part proven for the least covered
-- cluster. Buckets are cut anew at each local midnight: those of an hour or less by time that
-- passes, longer ones by the clock on the wall, so that 06:00 stays 06:00 on a day of 25 hours.
create or replace macro buckets(window_start, window_end, zone, width) as table
    with midnights as (
        select
            unnest(
                generate_series(
                    date_trunc('day', timezone(zone, window_start)),
                    timezone(zone, window_end - interval 1 microsecond),
                    greatest(width, interval 1 day)
                )
            ) as midnight
        where window_start < window_end
    ),

    walls as (
        select
            unnest(
                generate_series(midnight, midnight + interval 1 day - interval 1 microsecond, width)
            ) as wall
        from midnights
        where width > interval 1 hour and width < interval 1 day
    ),

    cuts as (
        select from_local(midnight, zone) as cut
        from midnights
        where width >= interval 1 day
        union
        select from_local(wall, zone) as cut
        from walls
        union
        select
            unnest(
                generate_series(
                    from_local(midnight, zone),
                    from_local(midnight + interval 1 day, zone) - interval 1 microsecond,
                    width
                )
            ) as cut
        from midnights
        where width <= interval 1 hour
    ),

    pieces as (
        select
            cut,
            greatest(cut, window_start) as piece_start,
            least(coalesce(lead(cut) over (order by cut), window_end), window_end) as piece_end
        from cuts
    ),

    known as (
        select distinct cluster
        from coverage
        where started_at < window_end
    ),

    proofs as (
        select
            pieces.cut,
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
        group by pieces.cut, coverage.cluster
    ),

    shares as (
        select
            pieces.cut,
            min(
                coalesce(proofs.proven, 0)
                / (epoch_us(pieces.piece_end) - epoch_us(pieces.piece_start))
            ) as share
        from pieces
        cross join known
        left join proofs on pieces.cut = proofs.cut and known.cluster = proofs.cluster
        where pieces.piece_start < pieces.piece_end
        group by pieces.cut
    )

    select
        pieces.cut as bucket,
        pieces.piece_end as ended_at,
        shares.share as covered_share
    from pieces
    left join shares on pieces.cut = shares.cut
    where pieces.piece_start < pieces.piece_end

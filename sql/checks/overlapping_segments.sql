-- segments of one track do not share frames
with ordered as (
    select
        clip_id,
        track_id,
        segment_id,
        onset,
        lag(segment_id) over following as earlier_segment_id,
        max("offset") over (following rows between unbounded preceding and 1 preceding) as earlier_offset
    from staging.expression_segments
    window following as (partition by clip_id, track_id order by onset)
),

final as (
    select *
    from ordered
    where onset <= earlier_offset
)

select * from final

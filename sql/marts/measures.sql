-- what drift is judged by: a number of each track and clip, a number or word of each answer of the champion
with of_tracks as (
    select
        camera,
        day,
        clip_id,
        track_id,
        measure,
        value
    from (
        select
            camera,
            day,
            clip_id,
            track_id,
            mean_size_px as size_px,
            mean_blur as blur,
            mean_abs_yaw as yaw
        from track_quality
    ) unpivot (value for measure in (size_px, blur, yaw))
),

of_clips as (
    select
        camera,
        day,
        clip_id,
        'light' as measure,
        grey as value
    from clips
    where grey is not null
),

answered as (
    select *
    from segments
    where emotion is not null
),

of_answers as (
    select
        camera,
        day,
        clip_id,
        track_id,
        segment_id,
        unnest(['confidence', 'emotion', 'abstained']) as measure,
        unnest([confidence, null, null]) as value,
        unnest([null, emotion, if(coalesce(abstained, false), 'yes', 'no')]) as word
    from answered
),

joined as (
    select * from of_tracks
    union all by name
    select * from of_clips
    union all by name
    select * from of_answers
),

final as (
    select
        camera,
        day, -- UTC
        clip_id,
        track_id, -- null: of the whole clip
        segment_id, -- null: of a track or clip
        measure, -- size_px, blur, yaw, light, confidence, emotion or abstained
        value::double as value, -- px, grey^2, 0..1, grey level, 0..1; null: a word
        word -- emotion, or yes and no
    from joined
)

select * from final

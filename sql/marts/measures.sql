-- what drift is judged by: a number of each track and clip, a number or word of each answer of the champion, and words
-- once more for answers about groups of faces; the groups are those of ml.evaluation.slices,
-- dark and bright by the clip's pictures
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

grouped as (
    select
        answered.*,
        unnest([
            if(track_quality.mean_size_px < 64, 'small', null),
            if(track_quality.mean_abs_yaw >= 0.15, 'turned', null),
            case when clips.grey < 80 then 'dark' when clips.grey >= 170 then 'bright' end
        ]) as face_group
    from answered
    left join track_quality using (clip_id, track_id)
    left join clips using (clip_id)
),

of_groups as (
    select
        camera,
        day,
        clip_id,
        track_id,
        segment_id,
        unnest(['emotion_' || face_group, 'abstained_' || face_group]) as measure,
        unnest([emotion, if(coalesce(abstained, false), 'yes', 'no')]) as word
    from grouped
    where face_group is not null
),

joined as (
    select * from of_tracks
    union all by name
    select * from of_clips
    union all by name
    select * from of_answers
    union all by name
    select * from of_groups
),

final as (
    select
        camera,
        day, -- UTC
        clip_id,
        track_id, -- null: of the whole clip
        segment_id, -- null: of a track or clip
        measure, -- size_px, blur, yaw, light, confidence, emotion, abstained; of a group as emotion_small
        value::double as value, -- px, grey^2, 0..1, grey level, 0..1; null: a word
        word -- emotion, or yes and no
    from joined
)

select * from final

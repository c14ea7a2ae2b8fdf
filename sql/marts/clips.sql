-- one row per clip: where and when it was recorded, why it may be processed, what came of it
with manifest as (
    select * from staging.clip_manifest
),

tracks as (
    select
        clip_id,
        count(distinct track_id) as tracks
    from staging.face_tracks
    group by clip_id
),

found as (
    select
        clip_id,
        count(*) as segments
    from staging.expression_segments
    group by clip_id
),

pictures as (
    select
        clip_id,
        camera_day,
        grey,
        contrast
    from staging.clip_pictures
),

frames as (
    select
        clip_id,
        frames_read,
        frames_lost,
        reasons
    from staging.clip_frames
),

final as (
    select
        manifest.clip_id,
        manifest.sha256,
        manifest.camera,
        manifest.camera_day,
        left(manifest.camera_day, 10)::date as day, -- UTC
        manifest.captured_at, -- UTC, first frame
        manifest.purpose,
        manifest.legal_basis,
        manifest.duration_s, -- s
        manifest.num_frames, -- frames
        frames.frames_read, -- frames; null: not tracked yet
        frames.frames_lost, -- frames that did not decode
        frames.reasons as frames_lost_reasons, -- as 'count x reason'
        manifest.fps, -- frames per s
        manifest.width, -- px
        manifest.height, -- px
        pictures.grey, -- mean grey level of the pictures, 0..255; null: not tracked yet
        pictures.contrast, -- mean of the standard deviations of their grey levels
        coalesce(tracks.tracks, 0) as tracks, -- faces followed
        coalesce(found.segments, 0) as segments,
        manifest.synthetic -- from the project's own generator
    from manifest
    left join tracks using (clip_id)
    left join found using (clip_id)
    left join frames using (clip_id)
    left join pictures using (clip_id, camera_day)
)

select * from final

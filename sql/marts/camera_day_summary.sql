-- one row per camera and day: how much came in, how much of it was usable, what was found
with taken_in as (
    select
        camera_day,
        count(*) as clips,
        sum(num_frames) as frames,
        sum(duration_s) as duration_s,
        bool_or(synthetic) as synthetic
    from staging.clip_manifest
    group by camera_day
),

lost as (
    select
        camera_day,
        sum(frames_lost) as frames_lost
    from staging.clip_frames
    group by camera_day
),

faces as (
    select
        camera_day,
        count(distinct (clip_id, track_id)) as tracks,
        count(*) as face_frames,
        count(*) filter (where kept) as kept_frames,
        avg(detector_score) filter (where kept) as mean_detector_score,
        avg(size_px) filter (where kept) as mean_size_px,
        avg(blur) filter (where kept) as mean_blur
    from staging.face_tracks
    group by camera_day
),

found as (
    select
        camera_day,
        count(*) as segments,
        count(*) filter (where length = 'micro') as micro_segments
    from staging.expression_segments
    group by camera_day
),

scored as (
    select
        day || '_' || camera as camera_day,
        count(*) as scored_segments
    from verdicts
    where is_current
    group by camera_day
),

final as (
    select
        taken_in.camera_day[12:] as camera,
        left(taken_in.camera_day, 10)::date as day, -- UTC
        taken_in.clips,
        taken_in.frames,
        coalesce(lost.frames_lost, 0) as frames_lost, -- of them, did not decode
        taken_in.duration_s, -- s
        coalesce(faces.tracks, 0) as tracks,
        coalesce(faces.face_frames, 0) as face_frames, -- a frame with two faces counts twice
        coalesce(faces.kept_frames, 0) as kept_frames,
        faces.mean_detector_score, -- 0..1, kept frames; null: no face
        faces.mean_size_px, -- px, kept frames
        faces.mean_blur, -- grey^2, kept frames, low is blurred
        coalesce(found.segments, 0) as segments,
        coalesce(found.micro_segments, 0) as micro_segments, -- up to 0.5 s
        coalesce(scored.scored_segments, 0) as scored_segments, -- by the present champion
        taken_in.synthetic -- at least one clip is from the project's own generator
    from taken_in
    left join lost using (camera_day)
    left join faces using (camera_day)
    left join found using (camera_day)
    left join scored using (camera_day)
    order by day, camera
)

select * from final

-- one row per face track: how long it was seen, how good the face was, why frames were dropped
with frames as (
    select * from staging.face_tracks
),

dropped as (
    select
        clip_id,
        track_id,
        drop_reason,
        count(*) as dropped_frames
    from frames
    where not kept
    group by clip_id, track_id, drop_reason
),

reasons as (
    select
        clip_id,
        track_id,
        map_from_entries(list((drop_reason, dropped_frames) order by drop_reason)) as dropped
    from dropped
    group by clip_id, track_id
),

measured as (
    select
        clip_id,
        track_id,
        any_value(camera_day) as camera_day,
        min(frame) as first_frame,
        max(frame) as last_frame,
        min(time_s) as first_s,
        max(time_s) as last_s,
        count(*) as frames,
        count(*) filter (where kept) as kept_frames,
        avg(detector_score) as mean_detector_score,
        avg(size_px) as mean_size_px,
        avg(blur) as mean_blur,
        avg(abs(yaw)) as mean_abs_yaw,
        avg(abs(roll_deg)) as mean_abs_roll_deg
    from frames
    group by clip_id, track_id
),

final as (
    select
        measured.track_id,
        measured.clip_id,
        measured.camera_day[12:] as camera,
        left(measured.camera_day, 10)::date as day, -- UTC
        measured.first_frame, -- 0-based
        measured.last_frame, -- 0-based
        measured.first_s, -- s from the clip's start
        measured.last_s, -- s from the clip's start
        measured.frames,
        measured.kept_frames,
        measured.kept_frames / measured.frames as kept_share, -- 0..1
        measured.mean_detector_score, -- 0..1
        measured.mean_size_px, -- px
        measured.mean_blur, -- grey^2, low is blurred
        measured.mean_abs_yaw, -- 0..1, pose proxy
        measured.mean_abs_roll_deg, -- deg
        reasons.dropped -- reason -> frames; null: all kept
    from measured
    left join reasons using (clip_id, track_id)
    order by day, camera, clip_id, first_frame, track_id
)

select * from final

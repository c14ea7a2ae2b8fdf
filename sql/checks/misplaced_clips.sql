-- a clip lies in the camera-day (UTC) that its manifest names
with named as (
    select
        clip_id,
        camera_day,
        strftime(captured_at at time zone 'UTC', '%Y-%m-%d') || '_' || camera as expected_camera_day
    from staging.clip_manifest
),

final as (
    select *
    from named
    where camera_day is distinct from expected_camera_day
)

select * from final

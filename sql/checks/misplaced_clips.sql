-- a clip lies in the camera-day (UTC) that its manifest names
with final as (
    select
        clip_id,
        camera_day,
        strftime(captured_at, '%Y-%m-%d') || '_' || camera as expected_camera_day
    from staging.clip_manifest
    where camera_day is distinct from strftime(captured_at, '%Y-%m-%d') || '_' || camera
)

select * from final

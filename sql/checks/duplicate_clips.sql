-- a clip is known by its content: it may lie in one camera-day only
with final as (
    select
        clip_id,
        list(camera_day order by camera_day) as camera_days,
        count(*) as copies
    from staging.clip_manifest
    group by clip_id
    having count(*) > 1
)

select * from final

-- once there is a champion, it has scored every segment
with final as (
    select
        segment_id,
        clip_id,
        camera,
        day
    from segments
    where model_version is null and exists (select 1 from champions)
)

select * from final

-- onset, apex and offset follow one another, as frames and as seconds, within the clip
with final as (
    select
        found.segment_id,
        found.onset,
        found.apex,
        found.offset,
        found.onset_s,
        found.apex_s,
        found.offset_s,
        manifest.num_frames
    from staging.expression_segments as found
    inner join staging.clip_manifest as manifest using (clip_id)
    where not (0 <= found.onset and found.onset <= found.apex and found.apex <= found.offset)
        or not (found.onset_s <= found.apex_s and found.apex_s <= found.offset_s)
        or found.offset >= manifest.num_frames
)

select * from final

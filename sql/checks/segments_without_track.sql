-- a segment lies inside its face's track
with tracks as (
    select
        clip_id,
        track_id,
        min(frame) as first_frame,
        max(frame) as last_frame
    from staging.face_tracks
    group by clip_id, track_id
),

final as (
    select
        found.segment_id,
        found.onset,
        found.offset,
        tracks.first_frame,
        tracks.last_frame
    from staging.expression_segments as found
    left join tracks using (clip_id, track_id)
    where tracks.track_id is null or found.onset < tracks.first_frame or found.offset > tracks.last_frame
)

select * from final

-- what speaks of a clip that is not in the manifest: an erasure or a partition that was left half done
with referring as (
    select 'annotations' as relation, clip_id from staging.annotations
    union all
    select 'clip_frames', clip_id from staging.clip_frames
    union all
    select 'face_tracks', clip_id from staging.face_tracks
    union all
    select 'face_crops', clip_id from staging.face_crops
    union all
    select 'texture_features', clip_id from staging.texture_features
    union all
    select 'flow_features', clip_id from staging.flow_features
    union all
    select 'expression_features', clip_id from staging.expression_features
    union all
    select 'expression_segments', clip_id from staging.expression_segments
    union all
    select 'segment_scores', clip_id from staging.segment_scores
    union all
    select 'reviews', clip_id from staging.reviews
),

final as (
    select
        relation,
        clip_id,
        count(*) as rows
    from referring
    anti join staging.clip_manifest using (clip_id)
    group by relation, clip_id
    order by relation, clip_id
)

select * from final

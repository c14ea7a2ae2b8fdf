-- what was said of a generated clip is marked synthetic
with final as (
    select
        scores.segment_id,
        scores.model_version,
        scores.scored_at
    from staging.segment_scores as scores
    inner join staging.clip_manifest as manifest using (clip_id)
    where manifest.synthetic and not coalesce(scores.synthetic, false)
)

select * from final

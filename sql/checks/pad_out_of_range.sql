-- pleasure, arousal and dominance lie in -1..1
with final as (
    select
        segment_id,
        model_version,
        scored_at,
        pleasure,
        arousal,
        dominance
    from staging.segment_scores
    where coalesce(greatest(abs(pleasure), abs(arousal), abs(dominance)) > 1, false)
        or isnan(pleasure) or isnan(arousal) or isnan(dominance)
)

select * from final

-- a score is abstained from for reasons that are stored, and without reasons it is not
with final as (
    select
        segment_id,
        model_version,
        scored_at,
        abstained,
        reasons
    from staging.segment_scores
    where abstained is distinct from len(reasons) > 0
)

select * from final

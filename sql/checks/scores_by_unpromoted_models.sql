-- only a model that a person had promoted may have scored
with final as (
    select
        segment_id,
        model_version,
        scored_at
    from score_history
    where not was_champion
)

select * from final

-- which model was champion when: one row per reign, the present one without an end
with promoted as (
    select *
    from staging.promotions
    where promoted
),

final as (
    select
        model_version, -- version in the registry
        approved_by,
        decided_at as champion_from, -- UTC, inclusive
        lead(decided_at) over (order by decided_at) as champion_to -- UTC, exclusive; null: still champion
    from promoted
)

select * from final

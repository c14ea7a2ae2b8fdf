-- which model was champion when: one row per reign, the present one without an end
with promoted as (
    select
        *,
        lag(model_version) over (order by decided_at) as before
    from staging.promotions
    where promoted
),

-- an alias that was put back begins no other reign
begun as (
    select *
    from promoted
    where model_version is distinct from before
),

final as (
    select
        model_version, -- version in the registry
        approved_by,
        decided_at as champion_from, -- UTC, inclusive
        lead(decided_at) over (order by decided_at) as champion_to -- UTC, exclusive; null: still champion
    from begun
)

select * from final

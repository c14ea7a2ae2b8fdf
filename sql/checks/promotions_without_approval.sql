-- a champion needs a person who approved, and a later one must have won
with final as (
    select
        decided_at,
        model_version,
        incumbent_version,
        approved_by,
        difference_low
    from staging.promotions
    where promoted
        and (
            coalesce(trim(approved_by), '') = ''
            or (incumbent_version is not null and coalesce(difference_low <= 0, true))
        )
)

select * from final

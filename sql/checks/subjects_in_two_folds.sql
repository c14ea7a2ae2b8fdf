-- no subject is in two folds
with final as (
    select
        subject,
        list(distinct fold order by fold) as folds,
        count(*) as examples
    from staging.training_set
    group by subject
    having count(distinct fold) > 1
)

select * from final

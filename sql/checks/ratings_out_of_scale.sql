-- a rating is one of five levels, given once per rater, stimulus and pair
with counted as (
    select
        rater,
        segment,
        pair,
        level,
        count(*) over (partition by rater, segment, pair) as given
    from staging.ratings
),

final as (
    select *
    from counted
    where level not between 1 and 5 or level is null or given > 1
)

select * from final

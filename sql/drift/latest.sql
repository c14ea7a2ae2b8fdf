-- measures of the latest $days days
with days as (
    select max(day) - $days::integer as before
    from measures
),

final as (
    select
        strftime(measures.day, '%Y-%m-%d') as day,
        measures.camera,
        measures.measure,
        measures.value,
        measures.word
    from measures
    cross join days
    where measures.day > days.before
)

select * from final

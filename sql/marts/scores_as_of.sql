-- scores_as_of(moment): what the platform said at a moment (timestamptz), by the model that was champion then
with final as (
    select *
    from verdicts
    where said_from <= moment and (said_to is null or moment < said_to)
)

select * from final

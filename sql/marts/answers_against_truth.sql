-- what the champion says of annotated expressions that were found, against their labels
with answered as (
    select
        truth.emotion as truth,
        case when coalesce(segments.abstained, false) then 'no answer' else segments.emotion end as said,
        segments.synthetic
    from spotting_truth as truth
    inner join segments using (clip_id, segment_id)
    where truth.source = 'annotation' and truth.outcome = 'hit' and segments.emotion is not null
),

final as (
    select
        truth, -- label of the annotation
        said, -- apparent expression, or "no answer" where it abstains
        count(*) as segments,
        bool_or(synthetic) as synthetic
    from answered
    group by truth, said
    order by truth, said
)

select * from final

-- only the four emotions of the vocabulary are used; a change may be of another one
with used as (
    select 'annotations' as relation, annotation_id as item, emotion from staging.annotations
    union all
    select 'training_set', example_id, emotion from staging.training_set
    union all
    select 'segment_scores', segment_id, emotion from staging.segment_scores where emotion <> 'other'
),

final as (
    select
        used.relation,
        used.item,
        used.emotion
    from used
    anti join emotions using (emotion)
)

select * from final

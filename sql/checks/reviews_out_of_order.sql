-- a review has an expression or says that there is none, its frames in order and within the clip
with final as (
    select
        said.review_id,
        said.verdict,
        said.emotion,
        said.onset,
        said.apex,
        said.offset
    from staging.reviews as said
    inner join staging.clip_manifest as manifest using (clip_id)
    where said.verdict <> 'undo'
        and (
            said.verdict not in ('expression', 'no_expression', 'not_a_face')
            or (said.verdict = 'expression') <> (said.emotion is not null)
            or said.emotion not in (select emotions.emotion from emotions union all select 'other')
            or not (0 <= said.onset and said.onset <= said.apex and said.apex <= said.offset)
            or said.offset >= manifest.num_frames
        )
)

select * from final

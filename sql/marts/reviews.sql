-- what people said of segments and still stands: the last word of each reviewer on each segment
with said as (
    select * from staging.reviews
),

undone as (
    select undoes as review_id
    from said
    where verdict = 'undo'
),

stands as (
    select said.*
    from said
    anti join undone using (review_id)
    where said.verdict <> 'undo'
    qualify row_number() over (
        partition by said.segment_id, said.reviewer
        order by said.reviewed_at desc, said.review_id desc
    ) = 1
),

opinions as (
    select
        segment_id,
        count(distinct coalesce(emotion, verdict)) as labels
    from stands
    group by segment_id
),

final as (
    select
        stands.review_id,
        stands.segment_id, -- <track_id>-drawn-<onset> where a person drew it
        stands.clip_id,
        stands.track_id,
        stands.camera_day[12:] as camera,
        left(stands.camera_day, 10)::date as day, -- UTC
        stands.reviewer, -- pseudonymous code
        stands.reviewed_at, -- UTC
        stands.verdict, -- expression, no_expression or not_a_face
        stands.emotion, -- as the reviewer sees it; null: no expression
        opinions.labels > 1 as disputed, -- reviewers of this segment disagree
        stands.onset, -- frame, 0-based
        stands.apex, -- frame, 0-based
        stands.offset, -- frame, 0-based, inclusive
        stands.shown_as, -- opened, uncertain, disagreement, audit or drawn
        stands.model_version, -- whose answer the reviewer saw
        stands.answer, -- that answer
        stands.reason,
        stands.synthetic
    from stands
    inner join opinions using (segment_id)
    order by stands.reviewed_at, stands.review_id
)

select * from final

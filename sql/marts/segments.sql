-- one row per expression segment, with what the present champion says of it
with found as (
    select * from staging.expression_segments
),

current_scores as (
    select *
    from verdicts
    where is_current
),

final as (
    select
        found.segment_id,
        found.clip_id,
        found.track_id,
        clips.camera,
        clips.day, -- UTC
        clips.captured_at, -- UTC, first frame of the clip
        clips.captured_at + to_microseconds(round(found.onset_s * 1e6)::bigint) as onset_at, -- UTC
        clips.captured_at + to_microseconds(round(found.apex_s * 1e6)::bigint) as apex_at, -- UTC
        clips.captured_at + to_microseconds(round(found.offset_s * 1e6)::bigint) as offset_at, -- UTC
        found.onset, -- frame, 0-based
        found.apex, -- frame, 0-based
        found.offset, -- frame, 0-based, inclusive
        found.offset_s - found.onset_s as duration_s, -- s
        found.length, -- micro (up to 0.5 s) or macro
        found.score as strength, -- apex against the detection threshold
        found.source, -- flow, texture or both
        found.roi, -- region with the strongest motion
        current_scores.model_version, -- null: the champion has not scored it yet
        current_scores.version, -- baseline, features or semantic
        current_scores.scored_at, -- UTC
        current_scores.emotion, -- apparent expression
        current_scores.confidence, -- 0..1
        current_scores.pleasure, -- -1..1
        current_scores.arousal, -- -1..1
        current_scores.dominance, -- -1..1
        current_scores.adjectives,
        current_scores.abstained, -- the champion's answer is not to be relied on; null: scored before models abstained
        current_scores.reasons, -- why it abstains
        coalesce(current_scores.synthetic, clips.synthetic) as synthetic
    from found
    inner join clips using (clip_id)
    left join current_scores using (clip_id, segment_id)
    order by clips.captured_at, found.clip_id, found.onset, found.track_id
)

select * from final

-- which model said what, when: every score with the segment it speaks of
with scores as (
    select * from staging.segment_scores
),

located as (
    select
        found.clip_id,
        found.segment_id,
        manifest.captured_at + to_microseconds(round(found.onset_s * 1e6)::bigint) as onset_at,
        manifest.captured_at + to_microseconds(round(found.offset_s * 1e6)::bigint) as offset_at
    from staging.expression_segments as found
    inner join staging.clip_manifest as manifest using (clip_id)
),

final as (
    select
        scores.segment_id,
        scores.clip_id,
        scores.track_id,
        scores.camera_day[12:] as camera,
        left(scores.camera_day, 10)::date as day, -- UTC
        located.onset_at, -- UTC; null: the present code finds no such segment any more
        located.offset_at, -- UTC
        scores.scored_at, -- UTC
        scores.model_version, -- version in the registry
        scores.version, -- baseline, features or semantic
        champions.model_version is not null as was_champion, -- at the moment of scoring
        scores.emotion, -- apparent expression
        scores.confidence, -- 0..1
        scores.p_happy, -- 0..1
        scores.p_angry, -- 0..1
        scores.p_calm, -- 0..1
        scores.p_scared, -- 0..1
        scores.p_other, -- 0..1; null: scored before it was an answer
        scores.pleasure, -- -1..1
        scores.arousal, -- -1..1
        scores.dominance, -- -1..1
        scores.adjectives,
        scores.abstained, -- not to be relied on; null: scored before models abstained
        scores.reasons, -- why it abstains
        scores.dagster_run_id,
        scores.synthetic
    from scores
    left join located using (clip_id, segment_id)
    left join champions
        on scores.model_version = champions.model_version
        and scores.scored_at >= champions.champion_from
        and (champions.champion_to is null or scores.scored_at < champions.champion_to)
    order by scores.scored_at, scores.segment_id
)

select * from final

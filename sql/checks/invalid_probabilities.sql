-- the probabilities lie in 0..1, sum to one, and the confidence is that of the named expression
with scores as (
    select
        * replace (coalesce(p_other, 0) as p_other), -- null: scored before it was an answer
        map {
            'happy': p_happy,
            'angry': p_angry,
            'calm': p_calm,
            'scared': p_scared,
            'other': coalesce(segment_scores.p_other, 0)
        } as probabilities
    from staging.segment_scores
),

final as (
    select
        segment_id,
        model_version,
        scored_at,
        emotion,
        confidence,
        p_happy,
        p_angry,
        p_calm,
        p_scared,
        p_other
    from scores
    where coalesce(not isfinite(p_happy + p_angry + p_calm + p_scared + p_other), true)
        or abs(p_happy + p_angry + p_calm + p_scared + p_other - 1) > 1e-3
        or least(p_happy, p_angry, p_calm, p_scared, p_other) < 0
        or coalesce(abs(probabilities[emotion] - confidence) > 1e-3, true)
        or confidence < greatest(p_happy, p_angry, p_calm, p_scared, p_other) - 1e-3
)

select * from final

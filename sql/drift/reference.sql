-- what camera-days are compared with: faces that the champion learned from, where they are this home's, and else, as for
-- answers, what it scored first
with champion as (
    select model_version
    from champions
    where champion_to is null
),

first_answers as (
    select
        verdicts.clip_id,
        verdicts.track_id,
        verdicts.segment_id
    from verdicts
    semi join champion using (model_version)
    where verdicts.is_current
    order by verdicts.scored_at, verdicts.clip_id, verdicts.segment_id
    limit $first_answers
),

learned as (
    select distinct
        clip_id,
        track_id
    from staging.training_set
    where exists (select 1 from staging.model_comparison semi join champion using (model_version))
),

trained_on as (
    select
        measures.measure,
        measures.value,
        measures.word,
        'training faces' as reference
    from measures
    where measures.segment_id is null
        and (
            (measures.clip_id, measures.track_id) in (select (clip_id, track_id) from learned)
            or (measures.track_id is null and measures.clip_id in (select clip_id from learned))
        )
),

enough as (
    select measure
    from trained_on
    group by measure
    having count(*) >= $min_count
),

scored_first as (
    select
        measures.measure,
        measures.value,
        measures.word,
        'first answers' as reference
    from measures
    anti join enough using (measure)
    where (measures.clip_id, measures.segment_id) in (select (clip_id, segment_id) from first_answers)
        or (
            measures.segment_id is null
            and (measures.clip_id, measures.track_id) in (select (clip_id, track_id) from first_answers)
        )
        or (measures.track_id is null and measures.clip_id in (select clip_id from first_answers))
),

final as (
    select * from trained_on semi join enough using (measure)
    union all by name
    select * from scored_first
)

select * from final

-- one row per registered model version: how it tested, whether it reigns, how much it has scored
with compared as (
    select *
    from staging.model_comparison
    qualify row_number() over (partition by model_version order by run_id desc) = 1
),

reigns as (
    select
        model_version,
        min(champion_from) as first_champion_from,
        bool_or(champion_to is null) as is_champion
    from champions
    group by model_version
),

scored as (
    select
        model_version,
        count(*) as scores,
        max(scored_at) as last_scored_at
    from staging.segment_scores
    group by model_version
),

final as (
    select
        model_version, -- version in the registry
        compared.version, -- baseline, features or semantic
        compared.run_id, -- MLflow run
        compared.split_hash,
        compared.seed,
        compared.loss, -- test cross-entropy, nat
        compared.recognition, -- test accuracy, 0..1
        compared.recognition_low, -- 95 % bootstrap by subject
        compared.recognition_high,
        compared.classification, -- accuracy after the semantic mapping, 0..1
        compared.classification_low, -- 95 % bootstrap by subject
        compared.classification_high,
        compared.calibration_error, -- expected, 10 bins of equal width, 0..1
        compared.error_at_80, -- test error of the most confident four fifths, 0..1
        compared.coverage, -- share of the test faces that it answers, 0..1
        compared.answered_error, -- test error of those, 0..1
        compared.worst_slice, -- group of least accuracy among those of 20 test faces or more
        compared.worst_accuracy, -- 0..1
        compared.synthetic, -- tested on the project's own generator
        coalesce(reigns.is_champion, false) as is_champion,
        reigns.first_champion_from, -- UTC; null: never champion
        coalesce(scored.scores, 0) as scores,
        scored.last_scored_at -- UTC
    from compared
    full join reigns using (model_version)
    full join scored using (model_version)
    order by model_version
)

select * from final

-- spotting against the truth, summed over all labelled clips, those without any expression included. Reviews are left
-- out: which segments people look at is no fair draw (`review_summary` counts them).
with counted as (
    select
        coalesce(length, 'overall') as length,
        count(*) filter (where outcome = 'hit') as hits,
        count(*) filter (where outcome = 'false_alarm') as false_alarms,
        count(*) filter (where outcome = 'miss') as misses,
        bool_or(synthetic) as synthetic
    from spotting_truth
    where source = 'annotation'
    group by grouping sets ((length), ())
    having count(*) > 0
),

watched as (
    select sum(duration_s) / 60 as minutes
    from staging.clip_manifest
    where clip_id in (select clip_id from staging.annotations)
),

final as (
    select
        length, -- micro (up to 0.5 s), macro or overall
        hits,
        false_alarms,
        misses,
        hits / nullif(hits + false_alarms, 0) as precision, -- 0..1; null: nothing found
        hits / nullif(hits + misses, 0) as recall, -- 0..1; null: nothing to find
        2 * hits / nullif(2 * hits + false_alarms + misses, 0) as f1, -- 0..1
        false_alarms / nullif(watched.minutes, 0) as false_alarms_per_minute, -- of labelled video
        synthetic
    from counted
    cross join watched
    order by list_position(['overall', 'micro', 'macro'], length)
)

select * from final

-- how well segments were found, as people see it: by how they came up. Only "audit" is drawn at random.
with final as (
    select
        shown_as, -- opened, uncertain, disagreement, audit or drawn
        count(distinct segment_id) as segments,
        count(distinct segment_id) filter (where verdict = 'expression' and shown_as <> 'drawn') as hits,
        count(distinct segment_id) filter (where verdict <> 'expression') as false_alarms,
        count(distinct segment_id) filter (where verdict = 'expression' and shown_as = 'drawn') as misses,
        count(distinct segment_id) filter (where emotion = answer) as confirmed, -- the model's answer
        count(distinct segment_id) filter (where emotion <> answer) as corrected, -- abstentions included
        bool_or(synthetic) as synthetic
    from reviews
    where not disputed
    group by shown_as
    order by shown_as
)

select * from final

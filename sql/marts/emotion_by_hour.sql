-- apparent expressions per camera and hour, by the present champion
with final as (
    select
        camera,
        date_trunc('hour', onset_at) as hour, -- UTC, start of the hour
        emotion, -- apparent expression
        count(*) as segments,
        count_if(not coalesce(abstained, false)) as answered, -- segments without a reason to abstain
        avg(confidence) as mean_confidence, -- 0..1
        avg(pleasure) as mean_pleasure, -- -1..1
        avg(arousal) as mean_arousal, -- -1..1
        avg(dominance) as mean_dominance, -- -1..1
        bool_or(synthetic) as synthetic
    from segments
    where emotion is not null
    group by camera, hour, emotion
    order by camera, hour, emotion
)

select * from final

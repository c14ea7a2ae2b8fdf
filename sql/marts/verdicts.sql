-- what the platform said about a segment, from when to when: the champion's score for as long as it reigned.
-- Between a promotion and the new champion's score of a segment, nothing is said about it.
with reigned as (
    select
        score_history.*,
        greatest(score_history.scored_at, champions.champion_from) as said_from,
        champions.champion_to
    from score_history
    inner join champions
        on score_history.model_version = champions.model_version
        and (champions.champion_to is null or score_history.scored_at < champions.champion_to)
),

bounded as (
    select
        *,
        lead(said_from) over (
            partition by clip_id, segment_id
            order by said_from, scored_at
        ) as next_from
    from reigned
),

valid as (
    select
        * exclude (next_from, champion_to, was_champion),
        least(next_from, champion_to) as said_to -- least() skips nulls
    from bounded
),

final as (
    select
        * exclude (said_from, said_to),
        said_from, -- UTC, inclusive
        said_to, -- UTC, exclusive; null: it still stands
        said_to is null as is_current, -- by the present champion
        row_number() over (
            partition by clip_id, segment_id
            order by said_from
        ) = 1 as is_first -- by the model that was champion when the segment was first scored
    from valid
    where said_to is null or said_from < said_to
    order by day, camera, segment_id, said_from
)

select * from final

-- every decision about the champion, the latest last
with final as (
    select
        decided_at, -- UTC
        model_version, -- challenger
        incumbent_version, -- champion before; null for the first
        promoted,
        approved_by,
        difference, -- test accuracy, challenger minus incumbent, -1..1
        difference_low, -- 95 % paired bootstrap, lower
        difference_high, -- 95 % paired bootstrap, upper
        reason
    from staging.promotions
    order by decided_at
)

select * from final

-- files that were refused at intake, the latest first
with final as (
    select
        name,
        reason, -- a fixed word
        detail, -- a sentence
        seen_at, -- UTC
        sha256
    from staging.quarantine_records
    order by seen_at desc, name
)

select * from final

-- nothing is processed without a purpose and a legal basis
with final as (
    select
        clip_id,
        camera_day,
        purpose,
        legal_basis
    from staging.clip_manifest
    where coalesce(trim(purpose), '') = '' or coalesce(trim(legal_basis), '') = ''
)

select * from final

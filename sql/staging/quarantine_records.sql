-- what was refused at intake: one JSON record per file
with source as (
    select *
    from read_json(
        $files,
        format = 'auto',
        columns = {
            name: 'varchar',
            reason: 'varchar',
            detail: 'varchar',
            sha256: 'varchar',
            seen_at: 'timestamptz'
        }
    )
),

final as (
    select *
    from source
)

select * from final

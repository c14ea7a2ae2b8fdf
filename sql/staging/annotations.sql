-- labelled expressions from the clips' manifests
-- columns, types and units: assets/schemas.py; camera_day comes from the folder's name
with source as (
    select *
    from read_parquet(
        $files, hive_partitioning = true, hive_types_autocast = false, union_by_name = true
    )
),

final as (
    select *
    from source
)

select * from final

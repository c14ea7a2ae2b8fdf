-- mirror of one table of the lake, without the columns that stay there
-- columns, types and units, columns that stay, tables by camera-day (it comes from the folder's name): assets/lake/schemas.py
with source as (
    select *
    from read_parquet(
        $files, hive_partitioning = $by_camera_day, hive_types_autocast = false, union_by_name = true
    )
),

final as (
    select columns(lambda name: not list_contains($lake_only, name))
    from source
)

select * from final

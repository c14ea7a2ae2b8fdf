-- what the models learned from; pixels and feature vectors stay in the lake
-- columns, types and units: assets/schemas.py; no camera-day owns this table
with source as (
    select *
    from read_parquet($files, hive_partitioning = false, union_by_name = true)
),

final as (
    select * exclude (image, texture, flow)
    from source
)

select * from final

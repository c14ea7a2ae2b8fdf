-- adjective-pair ratings, one row per rater, stimulus and pair
-- columns, types and units: assets/schemas.py; no camera-day owns this table
with source as (
    select *
    from read_parquet($files, hive_partitioning = false, union_by_name = true)
),

final as (
    select *
    from source
)

select * from final

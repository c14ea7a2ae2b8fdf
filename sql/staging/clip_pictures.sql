-- what the pictures of a tracked clip were like: it stands in the footer of its face_tracks
with source as (
    select
        file_name,
        decode(value)::json as pictures
    from parquet_kv_metadata($files)
    where decode(key) = 'apexline.pictures'
),

final as (
    select
        regexp_extract(file_name, '([^/]+)[.]parquet$', 1) as clip_id,
        regexp_extract(file_name, 'camera_day=([^/]+)/[^/]+$', 1) as camera_day,
        (pictures ->> 'grey')::float as grey,
        (pictures ->> 'contrast')::float as contrast
    from source
)

select * from final

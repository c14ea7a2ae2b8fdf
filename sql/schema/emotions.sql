-- the vocabulary, in the order that every model and table uses
create table emotions as
with final as (
    select *
    from (values (0, 'happy'), (1, 'angry'), (2, 'calm'), (3, 'scared')) as vocabulary (position, emotion)
)

select * from final

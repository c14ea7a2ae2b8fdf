-- length that two intervals (start, extent) share, in their unit; 0 where they do not meet
create macro overlap(first_start, first_extent, second_start, second_extent) as
greatest(0, least(first_start + first_extent, second_start + second_extent) - greatest(first_start, second_start))

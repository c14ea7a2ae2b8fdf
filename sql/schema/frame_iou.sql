-- intersection over union of two segments, by their frames, both ends inclusive: 0..1
create macro frame_iou(first_onset, first_offset, second_onset, second_offset) as
greatest(0, least(first_offset, second_offset) - greatest(first_onset, second_onset) + 1)
/ (greatest(first_offset, second_offset) - least(first_onset, second_onset) + 1)

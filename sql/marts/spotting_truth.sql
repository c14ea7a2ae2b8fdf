-- true against found segments: hit, miss or false_alarm. Truth is what is annotated, where a clip carries annotations;
-- elsewhere what reviewers agree on, segment by segment: what nobody looked at there is neither found nor missed.
-- An annotation belongs to the track whose box covers most of its box at the apex; a pair is a hit where the
-- frames' intersection over union reaches $min_iou (algorithms: 0.5) and each is the other's best.
with annotated as (
    select
        annotations.clip_id,
        annotations.annotation_id,
        annotations.emotion,
        annotations.onset,
        annotations.apex,
        annotations.offset,
        annotations.x,
        annotations.y,
        annotations.w,
        annotations.h,
        annotations.synthetic,
        (annotations.offset - annotations.onset) / manifest.fps as truth_s
    from staging.annotations as annotations
    inner join staging.clip_manifest as manifest using (clip_id)
),

labelled as (
    select
        clip_id,
        bool_or(synthetic) as synthetic
    from annotated
    group by clip_id
),

-- on what all agree who reviewed a segment: the median of their bounds, as `assets.reviews.settle` takes it
settled as (
    select
        reviews.clip_id,
        reviews.segment_id,
        any_value(reviews.track_id) as track_id,
        any_value(reviews.verdict) as verdict,
        any_value(reviews.emotion) as emotion,
        quantile_disc(reviews.onset, 0.5) as onset,
        quantile_disc(reviews.apex, 0.5) as apex,
        quantile_disc(reviews.offset, 0.5) as offset,
        list(reviews.review_id order by reviews.reviewed_at, reviews.review_id) as review_ids,
        bool_or(reviews.synthetic) as synthetic
    from reviews
    anti join labelled using (clip_id)
    where not reviews.disputed
    group by reviews.clip_id, reviews.segment_id
),

-- "calm" marks a segment without a change of expression: it makes a clip labelled, and is nothing to spot
truth as (
    select
        annotated.clip_id,
        annotated.annotation_id,
        annotated.emotion,
        annotated.onset,
        annotated.apex,
        annotated.offset,
        annotated.truth_s
    from annotated
    where annotated.emotion <> 'calm'
    union all
    select
        settled.clip_id,
        settled.segment_id,
        settled.emotion,
        settled.onset,
        settled.apex,
        settled.offset,
        (settled.offset - settled.onset) / manifest.fps
    from settled
    inner join staging.clip_manifest as manifest using (clip_id)
    where settled.verdict = 'expression'
),

faces as (
    select
        annotated.clip_id,
        annotated.annotation_id,
        tracks.track_id,
        overlap(annotated.x, annotated.w, tracks.x, tracks.w)
        * overlap(annotated.y, annotated.h, tracks.y, tracks.h) as shared
    from annotated
    inner join staging.face_tracks as tracks
        on annotated.clip_id = tracks.clip_id and annotated.apex = tracks.frame
),

owners as (
    select
        clip_id,
        annotation_id,
        track_id
    from faces
    where shared > 0
    qualify row_number() over (partition by clip_id, annotation_id order by shared desc, track_id) = 1
    union all
    select
        clip_id,
        segment_id,
        track_id
    from settled
),

pairs as (
    select
        truth.clip_id,
        truth.annotation_id,
        found.segment_id,
        frame_iou(truth.onset, truth.offset, found.onset, found.offset) as iou
    from truth
    inner join owners using (clip_id, annotation_id)
    inner join staging.expression_segments as found using (clip_id, track_id)
),

ranked as (
    select
        *,
        row_number() over (partition by clip_id, annotation_id order by iou desc, segment_id) as rank_for_truth,
        row_number() over (partition by clip_id, segment_id order by iou desc, annotation_id) as rank_for_found
    from pairs
    where iou >= $min_iou
),

hits as (
    select * from ranked
    where rank_for_truth = 1 and rank_for_found = 1
),

found as (
    select segments.*
    from staging.expression_segments as segments
    where
        segments.clip_id in (select clip_id from labelled)
        or segments.segment_id in (select segment_id from settled)
        or segments.segment_id in (select segment_id from hits)
),

matched as (
    select
        clip_id,
        truth.annotation_id,
        truth.emotion,
        truth.onset as truth_onset,
        truth.apex as truth_apex,
        truth.offset as truth_offset,
        if(truth.truth_s <= $micro_s, 'micro', 'macro') as truth_length,
        hits.segment_id,
        hits.iou
    from truth
    left join hits using (clip_id, annotation_id)
),

compared as (
    select
        coalesce(matched.clip_id, found.clip_id) as clip_id,
        matched.annotation_id,
        found.segment_id,
        found.track_id,
        matched.emotion,
        case
            when found.segment_id is null then 'miss'
            when matched.annotation_id is null then 'false_alarm'
            else 'hit'
        end as outcome,
        coalesce(if(matched.annotation_id is null, null, matched.truth_length), found.length) as length,
        matched.truth_onset,
        matched.truth_apex,
        matched.truth_offset,
        found.onset as found_onset,
        found.apex as found_apex,
        found.offset as found_offset,
        matched.iou
    from matched
    full join found on matched.clip_id = found.clip_id and matched.segment_id = found.segment_id
),

final as (
    select
        compared.clip_id,
        compared.annotation_id, -- of a review the segment that it was given to; null: a false alarm
        compared.segment_id, -- null: a miss
        compared.track_id,
        compared.emotion, -- label of the annotation, or of the reviewers
        compared.outcome, -- hit, miss or false_alarm
        compared.length, -- micro or macro, of the annotation where there is one
        compared.truth_onset, -- frame, 0-based
        compared.truth_apex, -- frame, 0-based
        compared.truth_offset, -- frame, 0-based, inclusive
        compared.found_onset, -- frame, 0-based
        compared.found_apex, -- frame, 0-based
        compared.found_offset, -- frame, 0-based, inclusive
        compared.iou, -- 0..1; null unless a hit
        if(labelled.clip_id is null, 'review', 'annotation') as source,
        settled.review_ids, -- null: an annotation, or a false alarm beside what was reviewed
        coalesce(labelled.synthetic, settled.synthetic, false) as synthetic
    from compared
    left join labelled using (clip_id)
    left join settled
        on
            compared.clip_id = settled.clip_id
            and coalesce(compared.annotation_id, compared.segment_id) = settled.segment_id
    order by compared.clip_id, coalesce(compared.truth_onset, compared.found_onset)
)

select * from final

"""The semantic space on a real survey, and what image-level PAD targets carry beyond the label.

Voices, not faces: 114 raters placed 300 speakers on 34 scales. It is the form of survey that the platform fits, and
its raters never saw the norms that the factors are turned to, so congruence with the norms is evidence here.
Female and male speakers are fitted apart, as their gender would else be the strongest factor of some scales.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from apexline.ml import PAD_AXES, AdjectivePair, midpoint_of, target_of
from apexline.ml.datasets import intensities_to_pad, vote_variance, votes_to_pad
from apexline.ml.semantic_space import (
    MIN_CONGRUENCE,
    SemanticSpace,
    chance_congruence,
    congruence_interval,
    fit_semantic_space,
    held_out_congruence,
    own_congruence,
    rotate_to_target,
    span_congruence,
    tucker_congruence,
    variance_inflation,
)
from apexline.ml.surveys import (
    agreement_by_pair,
    mean_scores,
    rating_components,
    read_form,
    read_scale_table,
    score_cube,
    survey_power,
)

Floats = NDArray[np.float64]
Rows = list[dict[str, Any]]

# FER+ column -> emotion of the project; the other four words count as votes and are no class.
_CLASS_OF_VOTES = {"happiness": "happy", "anger": "angry", "neutral": "calm", "fear": "scared"}
_FERPLUS_WORDS = ("happiness", "anger", "neutral", "fear", "surprise", "sadness", "disgust", "contempt")
_STILLS_WORDS = ("happy", "sad", "angry", "disgusted", "scared", "surprised")


@dataclass(frozen=True, eq=False)
class SurveyFit:
    """The space of one group of speakers and what it was fitted on."""

    group: str
    ratings: pd.DataFrame
    scores: pd.DataFrame  # stimuli x scales
    space: SemanticSpace


@dataclass(frozen=True, eq=False)
class SemanticResults:
    """Everything that the report shows.

    `axes` has a row for each group of speakers and axis: congruence with the norms, its 95 % interval over raters and
    speakers, what chance reaches, congruence of scales held out of the rotation, congruence with what only this axis
    explains, congruence of the best direction at any angle to the other axes, and the variance inflation of the axis
    in the norms.
    """

    form: Mapping[str, AdjectivePair]
    fits: list[SurveyFit]
    reliability: Rows
    axes: Rows
    replication: Rows
    exact_words: Rows
    power: Rows
    targets: Rows
    stills: pd.DataFrame


def measure(data: Path) -> SemanticResults:
    """Fit all groups and targets of `data`."""
    form, ratings, gender = _survey(data / "ratings")
    by_group = {
        "female": ratings[ratings["segment"].map(gender) == "female"],
        "male": ratings[ratings["segment"].map(gender) == "male"],
        "all": ratings,
    }
    fits = [_fit(name, chosen, form) for name, chosen in by_group.items()]
    female, male, everyone = fits
    stills = stills_pad(data / "posed_stills" / "ratings.csv")
    return SemanticResults(
        form=form,
        fits=fits,
        reliability=[_reliability(fit) for fit in fits],
        axes=[row for fit in fits for row in _axes(fit)],
        replication=_replication(female, male),
        exact_words=_exact_words(everyone, form),
        power=[row for fit in fits for row in _power(fit)],
        targets=[*_ferplus_targets(data / "ferplus" / "labels.csv"), *_stills_targets(stills)],
        stills=stills,
    )


def _survey(folder: Path) -> tuple[dict[str, AdjectivePair], pd.DataFrame, pd.Series]:
    """Form, tidy ratings and the gender of each speaker."""
    form = read_form(folder / "speakers_34_scales_poles.csv", folder / "epa_norms_2015.csv")
    table = folder / "speakers_34_scales.csv"
    ratings, rejected = read_scale_table(table, form, rater="listener_pseudonym", stimulus="sample_heard")
    if len(rejected):
        msg = f"{table.name}: {len(rejected)} answers can't be read, such as {rejected.iloc[0].to_dict()}"
        raise ValueError(msg)
    gender = pd.read_csv(table, usecols=["sample_heard", "speaker_gender"])
    return form, ratings, gender.drop_duplicates().set_index("sample_heard")["speaker_gender"]


def _fit(group: str, ratings: pd.DataFrame, form: Mapping[str, AdjectivePair]) -> SurveyFit:
    scores = mean_scores(ratings, pairs=[pair.pair for pair in form.values()])
    space = fit_semantic_space(scores, target=target_of(form.values()), midpoint=midpoint_of(form.values()))
    return SurveyFit(group, ratings, scores, space)


def _reliability(fit: SurveyFit) -> dict[str, Any]:
    icc = agreement_by_pair(fit.ratings, num_resamples=2)
    return {
        "speakers": fit.group,
        "stimuli": len(fit.scores),
        "raters": fit.ratings["rater"].nunique(),
        "raters of each": float(icc["mean_raters"].median()),
        "ICC of one rater": float(icc["single"].median()),
        "lowest": _with_name(icc["single"], icc["single"].idxmin()),
        "highest": _with_name(icc["single"], icc["single"].idxmax()),
        "ICC of the mean": float(icc["average"].median()),
        "KMO": fit.space.kmo,
        # it underflows
        "Bartlett p": fit.space.bartlett_p or "< 1e-300",
        "parallel analysis": fit.space.parallel_k,
    }


def _with_name(values: pd.Series, name: Any) -> str:
    return f"{values[name]:.3f} ({name})"


def _axes(fit: SurveyFit) -> Rows:
    loadings, target = fit.space.loadings, fit.space.target
    cube = score_cube(fit.ratings)
    low, high = congruence_interval(cube[1], target_by(cube[0], fit.space))
    columns = {
        "congruence": np.array([fit.space.congruence[axis] for axis in PAD_AXES]),
        "low": low,
        "high": high,
        "chance": chance_congruence(loadings, target),
        "held out": held_out_congruence(loadings, target),
        "own part": own_congruence(loadings, target),
        "any angle": span_congruence(loadings, target),
        "inflation": variance_inflation(target),
        "variance": (loadings**2).mean(axis=0),
    }
    return [
        {"speakers": fit.group, "axis": axis, **{name: float(value[i]) for name, value in columns.items()}}
        | {"by the norms": _verdict(float(columns["congruence"][i]), float(low[i]), float(high[i]))}
        for i, axis in enumerate(PAD_AXES)
    ]


def target_by(pairs: tuple[str, ...], space: SemanticSpace) -> Floats:
    """Return the target of a space in another order of its pairs."""
    return pd.DataFrame(space.target, index=list(space.pairs)).loc[list(pairs)].to_numpy(np.float64)


def _verdict(congruence: float, low: float, high: float) -> str:
    name = "supported" if congruence >= MIN_CONGRUENCE else "unsupported"
    return f"{name}, not certain" if low < MIN_CONGRUENCE <= high else name


def _replication(female: SurveyFit, male: SurveyFit) -> Rows:
    """Agreement of two fits on different speakers: turned to the norms each, and to each other without norms."""
    by_norms = tucker_congruence(male.space.loadings, female.space.loadings)
    _, by_each_other = rotate_to_target(male.space.loadings, female.space.loadings)
    return [
        {"axis": axis, "both turned to the norms": float(a), "male turned to female": float(b)}
        for axis, a, b in zip(PAD_AXES, by_norms, by_each_other, strict=True)
    ]


def _exact_words(fit: SurveyFit, form: Mapping[str, AdjectivePair]) -> Rows:
    """Congruence when only scales whose own words have norms steer: what the stand-ins decide."""
    exact = np.array(
        [all(pole.term == pole.adjective for pole in (each.first, each.second)) for each in form.values()]
    )
    loadings, target = fit.space.loadings, fit.space.target
    rows: Rows = []
    for name, steer in (
        ("all with norms", target),
        ("exact words only", np.where(exact[:, None], target, np.nan)),
    ):
        found, chance = rotate_to_target(loadings, steer)[1], chance_congruence(loadings, steer)
        rows += [
            {"scales": name, "number": int((~np.isnan(steer).any(axis=1)).sum()), "axis": axis}
            | {"congruence": float(found[i]), "chance": float(chance[i])}
            for i, axis in enumerate(PAD_AXES)
        ]
    return rows


def _power(fit: SurveyFit) -> Rows:
    components = rating_components(*score_cube(fit.ratings))
    target = pd.DataFrame(fit.space.target, index=list(fit.space.pairs), columns=list(PAD_AXES))
    power = survey_power(components, target)
    needed = {axis: power.needed(0.95, [axis]) for axis in PAD_AXES}
    images = needed[PAD_AXES[0]]["images"].tolist()
    return [
        {"speakers": fit.group, "images": number}
        | {axis: needed[axis]["raters"].tolist()[row] or "more than 80" for axis in PAD_AXES}
        for row, number in enumerate(images)
    ] + [
        {"speakers": fit.group, "images": "ceiling"} | {axis: power.ceiling[axis] for axis in PAD_AXES},
    ]


def _ferplus_targets(labels: Path) -> Rows:
    """Within-class share of the votes' PAD, for images whose most frequent word is one of the four classes."""
    votes = pd.read_csv(labels)[list(_FERPLUS_WORDS)].to_numpy(np.float64)
    votes = votes[votes.sum(axis=1) >= 2]
    top = votes.argmax(axis=1)
    chosen = top < len(_CLASS_OF_VOTES)
    pad = votes_to_pad(votes[chosen], _FERPLUS_WORDS)
    noise = vote_variance(votes[chosen], _FERPLUS_WORDS).mean(axis=0)
    return _within("FER+ votes", pad, top[chosen], noise)


def stills_pad(ratings: Path) -> pd.DataFrame:
    """PAD of every posed still from the observers' intensities, with the posed emotion."""
    table = pd.read_csv(ratings)
    pad = intensities_to_pad(table[[f"intensity_{word}" for word in _STILLS_WORDS]], _STILLS_WORDS)
    posed = table["image"].str.split("_").str[1]
    return pd.DataFrame(pad, columns=list(PAD_AXES)).assign(emotion=posed.to_numpy())


def _stills_targets(stills: pd.DataFrame) -> Rows:
    own = stills[stills["emotion"].isin(list(_CLASS_OF_VOTES.values()))]
    pad = own[list(PAD_AXES)].to_numpy(np.float64)
    unknown = np.full(len(PAD_AXES), np.nan)  # the file has means over observers, not their answers
    return _within("posed stills, intensities", pad, pd.factorize(own["emotion"])[0], unknown)


def _within(name: str, pad: Floats, classes: NDArray[np.intp], noise: Floats) -> Rows:
    means = np.stack([pad[classes == k].mean(axis=0) for k in range(classes.max() + 1)])
    within = ((pad - means[classes]) ** 2).mean(axis=0)
    by_chance = np.divide(noise, within, out=np.full_like(within, np.nan), where=within > 0)
    return [
        {
            "target": name,
            "images": len(pad),
            "axis": axis,
            "variance": float(pad[:, i].var()),
            "within classes": float(within[i] / pad[:, i].var()),
            "of that beyond vote noise": float(1 - by_chance[i]),
        }
        for i, axis in enumerate(PAD_AXES)
    ]

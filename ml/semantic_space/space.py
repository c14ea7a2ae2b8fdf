"""The emotional semantic space: factors of mean adjective ratings, turned towards PAD.

Belongs here: eq. 29 and 30 of [1]_, rotation to the PAD target, factor scores, the calibration that gives PAD in the
unit of the word norms, and storing a space. Stays out: ratings and eq. 28 (``ml.surveys.ratings``), the norms and the
map g (``ml.norms``), diagnostics on their own (``ml.semantic_space.adequacy``, ``ml.semantic_space.rotation``) and
calls of factor_analyzer (``ml.semantic_space.factoring``).

From scores to PAD
------------------
1. A column that is constant or mostly empty is dropped, with a warning. What else is missing is filled with
   the column's mean for the correlations; factor scores use the answered pairs only.
2. Eq. 29 centres each column and divides it by its L2 norm, so that X'X is the Pearson correlation matrix
   R. Where R is singular (fewer stimuli than pairs, or a pair that repeats another) it is shrunk towards
   the identity by the Ledoit-Wolf intensity, with a warning; KMO and Bartlett's test are then NaN, since
   they do not exist.
3. Loadings (eq. 30) are extracted and rotated: ``procrustes`` is the orthogonal rotation nearest to the PAD
   target of the pairs; pairs without a norm do not steer it.
4. Factor scores are regression scores (Thurstone): theta = Psi' R^-1 z with z = sqrt(N) times a row of X,
   so that theta is in standard deviations.
5. Factor scores have no origin or unit of their own, and orthogonal factors cannot show that pleasure and
   dominance go together in real faces. Hence the calibration. A rating says where a stimulus lies between
   two poles whose norms are known: s = 1 at the first, -1 at the second. With the midpoint m and half
   difference t of the poles, ``t . PAD = |t|**2 s + t . m`` for each pair; least squares over pairs gives a
   PAD point per stimulus, and least squares over stimuli gives the linear map (an offset and a matrix) from
   factor scores to those points. So 0 is the norms' neutral point, 1 their end of scale, and the noise
   outside the factors is gone.

An axis is *supported* when the Tucker congruence of its loadings with its target reaches .85 [2]_. PAD is
computed on an unsupported axis too, by the same map; whoever shows it says that the data does not support
the axis.

References
----------
.. [1] Li, Zhou, Liu, Sun, Chen, Xue 2021, doi 10.18280/ts.380213, section 3.2.
.. [2] Lorenzo-Seva, ten Berge 2006, "Tucker's congruence coefficient as a meaningful index of factor
   similarity", Methodology 2.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from apexline.ml import norms
from apexline.ml.emotions import PAD_AXES
from apexline.ml.semantic_space.adequacy import parallel_analysis, sampling_adequacy
from apexline.ml.semantic_space.encoding import from_plain, rounded, to_plain
from apexline.ml.semantic_space.factor_scores import calibrate, regression_scores, standardise
from apexline.ml.semantic_space.factoring import Extraction, extract_loadings
from apexline.ml.semantic_space.rotation import rotate_to_target
from apexline.ml.semantic_space.score_table import (
    as_score_table,
    drop_unusable,
    normalise,
    regularised_correlation,
)
from apexline.ml.semantic_space.target import Rotation, check_rotation, target_directions

MIN_CONGRUENCE = 0.85
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SemanticSpace:
    """A fitted emotional semantic space. Build it with `fit_semantic_space`.

    Parameters
    ----------
    pairs : tuple of str
        Adjective pairs in use, L of them.
    axes : tuple of str
        Names of the k factors: `PAD_AXES` after rotation to the target, else factor_1, factor_2, ...
    segments : tuple of str
        Stimuli of the fit, N of them.
    loadings : ndarray, shape (L, k)
        Correlations of pairs with factors.
    scores : ndarray, shape (N, k)
        Regression factor scores, in standard deviations.
    center, scale : ndarray, shape (L,)
        Mean and standard deviation of each column of mean ratings.
    correlation : ndarray, shape (L, L)
        The correlation matrix that was factored, after shrinkage if any.
    shrinkage : float
        Share of the identity mixed into the correlation matrix; 0 where it was regular.
    target : ndarray, shape (L, k')
        Target of each pair, NaN where the pair has none; k' is 0 without a target.
    offset : ndarray, shape (k',)
        PAD of the mean stimulus; empty without a target.
    gain : ndarray, shape (k, k')
        PAD per standard deviation of each factor; empty without a target.
    congruence : mapping of str to float
        Tucker congruence of each axis with its target; NaN without a target.
    kmo, bartlett_p : float
        Sampling adequacy and p value of the sphericity test; NaN where the raw correlation matrix is
        singular.
    eigenvalues : ndarray, shape (L,)
        Eigenvalues of the raw correlation matrix, largest first.
    parallel_k : int
        Factors that Horn's parallel analysis supports. It is known to miss weak factors beside a strong one.
    dropped : tuple of str
        Pairs left out.
    imputed : int
        Missing cells that were filled for the correlations.
    method, rotation : str
        How the factors were extracted and rotated.
    """

    pairs: tuple[str, ...]
    axes: tuple[str, ...]
    segments: tuple[str, ...]
    loadings: Floats
    scores: Floats
    center: Floats
    scale: Floats
    correlation: Floats
    shrinkage: float
    target: Floats
    offset: Floats
    gain: Floats
    congruence: Mapping[str, float]
    kmo: float
    bartlett_p: float
    eigenvalues: Floats
    parallel_k: int
    dropped: tuple[str, ...]
    imputed: int
    method: str
    rotation: str

    @property
    def supported(self) -> tuple[str, ...]:
        """Axes whose congruence with the target reaches `MIN_CONGRUENCE`."""
        return tuple(axis for axis in self.axes if self.congruence[axis] >= MIN_CONGRUENCE)

    @property
    def unsupported(self) -> tuple[str, ...]:
        """Axes that the data does not support; without a target nothing is known, and none is named."""
        return tuple(axis for axis in self.axes if self.congruence[axis] < MIN_CONGRUENCE)

    def factor_scores(self, scores: pd.DataFrame | ArrayLike) -> Floats:
        """Regression scores of new rows.

        Parameters
        ----------
        scores : DataFrame with the columns `pairs`, or array_like of shape (n, L) in their order
            Mean ratings, -1..1; NaN where missing.

        Returns
        -------
        ndarray, shape (n, k)
            In standard deviations of the fit; 0 for a row without any answer.

        Raises
        ------
        ValueError
            If columns are missing.
        """
        table = standardise(self._table(scores), self.center, self.scale)
        return regression_scores(table, self.correlation, self.loadings)

    def to_pad(self, scores: pd.DataFrame | ArrayLike) -> Floats:
        """PAD of mean ratings, in the unit of the word norms.

        Parameters
        ----------
        scores : DataFrame with the columns `pairs`, or array_like of shape (n, L) in their order
            Mean ratings, -1..1; NaN where missing.

        Returns
        -------
        ndarray, shape (n, 3)
            Pleasure, arousal, dominance, clipped to -1..1; 0 is neutral. NaN for a row without any answer.

        Raises
        ------
        ValueError
            If columns are missing, or the space was fitted without a three-column target.
        """
        if self.gain.shape[1:] != (len(PAD_AXES),):
            msg = (
                f"this space has a target of {self.target.shape[1]} columns, expected {PAD_AXES}; fit it on "
                "the project's adjective pairs or pass target= to fit_semantic_space"
            )
            raise ValueError(msg)
        table = self._table(scores)
        # theta in standard deviations -> norm units; see step 5 of the module's docstring.
        pad = np.clip(self.offset + self.factor_scores(table) @ self.gain, -1, 1)
        pad[np.isnan(table).all(axis=1)] = np.nan
        return pad

    def nearest_emotion(self, pad: ArrayLike) -> str:
        """The map g of eq. 27, see `ml.norms.nearest_emotion`."""
        return norms.nearest_emotion(pad)

    def nearest_adjectives(self, pad: ArrayLike, n: int = 3) -> tuple[str, ...]:
        """Adjectives nearest to a PAD point, see `ml.norms.nearest_adjectives`."""
        return norms.nearest_adjectives(pad, n)

    def _table(self, scores: pd.DataFrame | ArrayLike) -> Floats:
        if isinstance(scores, pd.DataFrame):
            missing = [pair for pair in self.pairs if pair not in scores.columns]
            if missing:
                msg = f"the scores lack the pairs {missing}; reindex them to .pairs, NaN where unrated"
                raise ValueError(msg)
            return scores[list(self.pairs)].to_numpy(np.float64)
        table = np.asarray(scores, np.float64)
        if table.ndim != 2 or table.shape[1] != len(self.pairs):
            msg = f"saw scores of shape {table.shape}, expected (n, {len(self.pairs)}) in the order of .pairs"
            raise ValueError(msg)
        return table

    def without_stimuli(self, gone: NDArray[np.bool_]) -> SemanticSpace:
        """Return the same space that no longer says which stimuli some of those of the fit were, and where they lay.

        Parameters
        ----------
        gone : ndarray, shape (N,)
            True for each stimulus to leave out.
        """
        kept = tuple(each for each, is_gone in zip(self.segments, gone, strict=True) if not is_gone)
        return replace(self, segments=kept, scores=self.scores[~gone])

    def to_json(self) -> str:
        """Return the space as JSON; `from_json` gives back an equal one, floats to the last bit."""
        return json.dumps(self._plain(), sort_keys=True, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> SemanticSpace:
        """Rebuild a space from `to_json`.

        Raises
        ------
        ValueError
            If fields are missing or unknown.
        """
        document: dict[str, Any] = json.loads(text)
        expected = {each.name for each in fields(cls)}
        if set(document) != expected:
            msg = (
                f"saw a semantic space with the fields {sorted(document)}, expected {sorted(expected)}; "
                "materialise pad_space again"
            )
            raise ValueError(msg)
        return cls(**{name: from_plain(value) for name, value in document.items()})

    @cached_property
    def hash(self) -> str:
        """First 16 hex digits of the SHA-256 of the space.

        Numbers count to 8 decimals: what differs between two machines' linear algebra is no other space.
        """
        text = json.dumps(rounded(self._plain()), sort_keys=True, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _plain(self) -> dict[str, Any]:
        return {each.name: to_plain(getattr(self, each.name)) for each in fields(self)}


def fit_semantic_space(
    scores: pd.DataFrame | ArrayLike,
    *,
    target: pd.DataFrame | ArrayLike | None = None,
    midpoint: pd.DataFrame | None = None,
    n_factors: int = 3,
    method: Extraction = "minres",
    rotation: Rotation | None = None,
) -> SemanticSpace:
    """Factor mean ratings and turn the factors towards pleasure, arousal and dominance.

    Parameters
    ----------
    scores : DataFrame (segments x pairs) or array_like, shape (N, L)
        Mean ratings of eq. 28, -1..1; NaN where missing. The pairs of a plain array are nameless.
    target : DataFrame (pairs x axes) or array_like, shape (L, k'), optional
        Direction of each pair in the wanted axes; rows with NaN do not count. By default the norms of the
        project's pairs, where all columns are such pairs.
    midpoint : DataFrame (pairs x axes), optional
        Where the neutral level of each pair of a given target lies; 0 by default.
    n_factors : int
        Factors to extract.
    method : {"minres", "ml", "principal"}
        Extraction.
    rotation : {"procrustes", "varimax"}, optional
        By default ``procrustes`` where there is a target and ``varimax`` where there is none.

    Returns
    -------
    SemanticSpace
        The fit and its diagnostics.

    Raises
    ------
    ValueError
        If a score lies outside -1..1 by more than rounding while the norms are used, there are fewer than ``3
        n_factors + 1`` rated stimuli or too few pairs for the factors, or the rotation does not fit the
        target.

    Warns
    -----
    DroppedPairsWarning
        If columns do not vary or are mostly empty.
    SingularCorrelationWarning
        If the correlation matrix is singular and is shrunk.

    Examples
    --------
    Ratings of 80 stimuli whose pleasure, arousal and dominance are known, with some noise:

    >>> import numpy as np
    >>> from apexline.ml import load_pairs, target_of
    >>> from apexline.ml.semantic_space import fit_semantic_space
    >>> rng = np.random.default_rng(0)
    >>> scales = target_of(load_pairs()).dropna()
    >>> pad = rng.uniform(-0.6, 0.6, (80, 3))
    >>> ratings = np.clip(pad @ scales.T + rng.normal(0, 0.1, (80, len(scales))), -1, 1)
    >>> space = fit_semantic_space(ratings)
    >>> space.supported
    ('pleasure', 'arousal', 'dominance')
    >>> space.to_pad(ratings).shape
    (80, 3)
    """
    table = as_score_table(scores)
    directions, midpoints, axes = target_directions(table, target, midpoint)
    if rotation is None:
        rotation = "varimax" if directions is None else "procrustes"
    check_rotation(rotation, directions, n_factors)
    table = drop_unusable(table, n_factors)
    values = table.to_numpy(np.float64)
    center = np.nanmean(values, axis=0)
    scale = np.nanstd(values, axis=0)
    filled = np.where(np.isnan(values), center, values)
    normalised = normalise(filled)
    correlation, shrinkage = regularised_correlation(normalised)
    loadings = extract_loadings(
        normalised,
        correlation,
        n_factors=n_factors,
        method=method,
        rotation="varimax" if rotation == "varimax" else None,
    )
    pairs = tuple(str(name) for name in table.columns)
    names = tuple(f"factor_{i}" for i in range(1, n_factors + 1))
    congruence = dict.fromkeys(names, np.nan)
    used = np.empty((len(pairs), 0)) if directions is None else directions.loc[table.columns].to_numpy()
    if rotation == "procrustes":
        names = axes
        loadings, cosines = rotate_to_target(loadings, used)
        congruence = dict(zip(names, cosines.tolist(), strict=True))
    factor_scores = regression_scores(standardise(values, center, scale), correlation, loadings)
    middle = np.zeros_like(used) if midpoints is None else midpoints.loc[table.columns].to_numpy()
    offset, gain = calibrate(filled, factor_scores, used, middle)
    adequacy = sampling_adequacy(filled)
    parallel = parallel_analysis(filled)
    return SemanticSpace(
        pairs=pairs,
        axes=names,
        segments=tuple(str(name) for name in table.index),
        loadings=loadings,
        scores=factor_scores,
        center=center,
        scale=scale,
        correlation=correlation,
        shrinkage=shrinkage,
        target=used,
        offset=offset,
        gain=gain,
        congruence=congruence,
        kmo=adequacy.kmo,
        bartlett_p=adequacy.bartlett_p,
        eigenvalues=parallel.eigenvalues,
        parallel_k=parallel.num_factors,
        dropped=tuple(name for name in as_score_table(scores).columns if name not in pairs),
        imputed=int(np.isnan(values).sum()),
        method=method,
        rotation=rotation,
    )

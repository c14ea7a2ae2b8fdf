"""Texture and flow as the network takes them: principal components and scaled directions, absent ones as zeros.

Belongs here: what is fitted on the training fold and applied everywhere. Stays out: computing features
(``features``), the network (``ml.deepid.network``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class FeatureReducer:
    """Texture and flow as the network wants them, fitted on the training fold only.

    Parameters
    ----------
    texture_mean : ndarray, shape (H,)
        Mean of the square-rooted histograms.
    texture_components : ndarray, shape (K, H)
        Principal components, divided by one common scale.
    flow_mean, flow_scale : ndarray, shape (F,)
        Mean and deviation of each flow column over examples that have flow, each divided by its length: where a face
        moves to tells expressions apart, how far is their intensity.
    """

    texture_mean: Floats
    texture_components: Floats
    flow_mean: Floats
    flow_scale: Floats

    @classmethod
    def fit(
        cls, texture: Floats, flow: Floats, flow_mask: Floats, *, num_components: int, seed: int
    ) -> FeatureReducer:
        """Fit on training examples.

        Histograms are square-rooted first, which makes the Euclidean distance of PCA the Hellinger distance.

        Parameters
        ----------
        texture : ndarray, shape (N, H)
        flow : ndarray, shape (N, F)
        flow_mask : ndarray, shape (N,)
        num_components : int
            Components kept at most; never more than N - 1 or H.
        seed : int
            Seed of the randomised solver.

        Returns
        -------
        reducer : FeatureReducer
        """
        size = min(num_components, len(texture) - 1, texture.shape[1])
        if size > 0:
            # Half a second to import, which answering can do without.
            from sklearn.decomposition import PCA

            pca = PCA(size, svd_solver="randomized", random_state=seed)
            reduced = pca.fit_transform(np.sqrt(texture))
            # One scale for all keeps the components' relative sizes: whitening would blow up the noisy ones.
            scale = max(float(np.sqrt(np.mean(np.square(reduced)))), 1e-6)
            mean, components = np.asarray(pca.mean_), np.asarray(pca.components_) / scale
        else:
            mean, components = np.zeros(texture.shape[1]), np.zeros((0, texture.shape[1]))
        moving = _unit_rows(
            flow[flow_mask > 0] if bool((flow_mask > 0).any()) else np.zeros((1, flow.shape[1]))
        )
        deviation = moving.std(axis=0)
        return cls(
            texture_mean=mean.astype(np.float32),
            texture_components=components.astype(np.float32),
            flow_mean=moving.mean(axis=0).astype(np.float32),
            flow_scale=np.where(deviation > 1e-6, deviation, 1.0).astype(np.float32),
        )

    def transform(self, texture: Floats | None, flow: Floats | None, *, num: int) -> tuple[Floats, ...]:
        """Reduce features; whatever is missing becomes zeros.

        Parameters
        ----------
        texture : ndarray, shape (N, H), or None
            A row of NaN, or None for all, means "no texture".
        flow : ndarray, shape (N, F), or None
            A row of NaN, or None for all, means "no flow".
        num : int
            N.

        Returns
        -------
        texture : ndarray, shape (N, K)
        flow : ndarray, shape (N, F)
        flow_mask : ndarray, shape (N,)

        Raises
        ------
        ValueError
            If a shape is not as fitted.
        """
        histograms, _ = _impute_rows(
            "texture", texture, num, len(self.texture_mean), blank=self.texture_mean**2
        )
        motion, flow_mask = _impute_rows(
            "flow", flow, num, len(self.flow_mean), blank=np.zeros_like(self.flow_mean)
        )
        reduced = (np.sqrt(histograms) - self.texture_mean) @ self.texture_components.T
        scaled = (_unit_rows(motion) - self.flow_mean) / self.flow_scale
        return reduced, scaled * flow_mask[:, None], flow_mask


def _unit_rows(flow: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Divide each row by its length; one without motion stays zero."""
    length = np.linalg.norm(flow, axis=1, keepdims=True)
    return flow / np.where(length > 0, length, 1)


def _impute_rows(
    name: str, values: Floats | None, num: int, size: int, *, blank: Floats
) -> tuple[Floats, Floats]:
    """Replace absent rows by `blank`; also return a mask that is 1 where a row was given."""
    if values is None:
        return np.broadcast_to(blank, (num, size)), np.zeros(num, np.float32)
    if values.shape != (num, size):
        msg = (
            f"{name} has shape {values.shape}, the model was trained on {(num, size)}; recompute the features"
        )
        raise ValueError(msg)
    given = ~np.logical_or.reduce(np.isnan(values), axis=1)
    return np.where(given[:, None], values, blank), given.astype(np.float32)

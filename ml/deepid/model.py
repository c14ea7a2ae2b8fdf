"""A trained DeepID with everything it needs to predict and to rebuild itself from a folder.

Belongs here: predictions, the pickle-free checkpoint. Stays out: training (``ml.deepid.training.train``), the MLflow
registry (``ml.registry.client``), what a served answer looks like (``ml.registry.request``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version as distribution_version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from apexline.ml.config import AbstentionConfig
from apexline.ml.datasets import ExpressionDataset
from apexline.ml.deepid.abstention import Limits, TrainingRange, confidence_threshold
from apexline.ml.deepid.frozen import FrozenDeepID, map_to_emotion
from apexline.ml.deepid.reducer import FeatureReducer
from apexline.ml.deepid.temperature import fit_temperature
from apexline.ml.emotions import EMOTIONS
from apexline.networks import standardise

_FORMAT = 4
_BATCH = 256
_NETWORK_PREFIX = "network."
_COUNTER = ".num_batches_tracked"
# Thousands of faces tell the covariance of some hundred map averages.
_MOST_RANGE_FACES = 4096

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a model says about N faces.

    Parameters
    ----------
    probabilities : ndarray, shape (N, 4) or (N, 5)
        Calibrated softmax in the order of `EMOTIONS` (eq. 26); of `ANSWERS` where a change was judged.
    pad : ndarray, shape (N, 3)
        PAD head's output, or the expected anchor ``sum_c p_c mu_c`` for versions without one; -1..1.
    emotion : ndarray, shape (N,), str
        Recognition: the most probable apparent expression.
    confidence : ndarray, shape (N,)
        Its probability.
    mapped_emotion : ndarray, shape (N,), str
        Classification: the emotion whose anchor is nearest to `pad` (g of eq. 27).
    distance : ndarray, shape (N,)
        Distance from the training faces (`ml.deepid.abstention.TrainingRange`); NaN where the model knows no range.
    """

    probabilities: Floats
    pad: Floats
    emotion: NDArray[np.str_]
    confidence: Floats
    mapped_emotion: NDArray[np.str_]
    distance: Floats


@dataclass(frozen=True, eq=False)
class ExpressionModel:
    """A network and everything around it that a prediction depends on.

    Parameters
    ----------
    network : FrozenDeepID
    reducer : FeatureReducer or None
        None for ``baseline``.
    temperature : float
        Divides the logits (fitted on the validation fold).
    pad_anchors : ndarray, shape (4, 3)
        PAD position of each emotion, -1..1.
    config : mapping
        The full training configuration, JSON values.
    seed : int
    feature_version : str
        Version of the features it was trained on.
    split_hash : str
        Hash of the split it was trained with.
    pad_space_hash : str
        Hash of the PAD space its anchors and targets come from.
    code_version : str
        Version of this distribution that trained it.
    synthetic : bool
        Trained on the project's own generator.
    limits : Limits
        When it abstains; `learn_limits` learns those that come from data.
    """

    network: FrozenDeepID
    reducer: FeatureReducer | None
    temperature: float
    pad_anchors: Floats
    config: Mapping[str, Any]
    seed: int
    feature_version: str
    split_hash: str
    pad_space_hash: str
    code_version: str
    synthetic: bool
    limits: Limits = field(default_factory=Limits)

    @property
    def version(self) -> str:
        """One of ``baseline``, ``features`` and ``semantic``."""
        return self.network.architecture["version"]

    def logits(
        self,
        images: NDArray[np.uint8],
        texture: Floats | None = None,
        flow: Floats | None = None,
        onsets: NDArray[np.uint8] | None = None,
    ) -> tuple[Floats, Floats | None]:
        """Uncalibrated class logits, shape (N, 4), and the PAD head's output, shape (N, 3) or None.

        Both are means over a face and its mirror image. Parameters are those of `predict`.
        """
        logits, pad, _ = self._forward(images, texture, flow, onsets)
        return logits, pad

    def logits_and_distance(self, images: NDArray[np.uint8]) -> tuple[Floats, Floats]:
        """`logits`, shape (N, 4), and distance as in `Predictions`, shape (N,), by a model of the face alone."""
        logits, _, embedding = self._forward(images, None, None, None)
        return logits, self._distance(embedding)

    def _forward(
        self,
        images: NDArray[np.uint8],
        texture: Floats | None,
        flow: Floats | None,
        onsets: NDArray[np.uint8] | None,
    ) -> tuple[Floats, Floats | None, Floats]:
        """Logits (N, 4), PAD (N, 3) or None, and embedding (N, K): `ml.deepid.frozen.FrozenOutput`."""
        num = len(images)
        size = self.network.architecture["input_size"]
        if images.dtype != np.uint8 or images.shape[1:] != (size, size):
            msg = (
                f"images are {images.dtype} with shape {images.shape}, expected uint8 (N, {size}, {size}); "
                "make them with ml.datasets.examples.face_image"
            )
            raise ValueError(msg)
        features = self._features(num, texture, flow, onsets)
        logits = np.zeros((num, self.network.architecture["num_classes"]), np.float32)
        pad = np.zeros((num, 3), np.float32) if self.version == "semantic" else None
        embedding = np.zeros((num, 4 * len(self.network.weights["conv3.weight"])), np.float32)
        for start in range(0, num, _BATCH):
            rows = slice(start, start + _BATCH)
            parts = [standardise(images[rows]), *(part[rows] for part in features)]
            shown = self.network(*parts)
            # The mirror image shows the same expression; as in training, its features are the face's own.
            mirrored = self.network(*(part[:, :, ::-1] if part.ndim == 3 else part for part in parts))
            logits[rows] = (shown.logits + mirrored.logits) / 2
            embedding[rows] = shown.embedding
            if pad is not None and shown.pad is not None and mirrored.pad is not None:
                pad[rows] = (shown.pad + mirrored.pad) / 2
        return logits, pad, embedding

    def _features(
        self, num: int, texture: Floats | None, flow: Floats | None, onsets: NDArray[np.uint8] | None
    ) -> list[Floats]:
        """What the network takes beside faces."""
        if self.reducer is None:
            return []
        reduced = self.reducer.transform(texture, flow, num=num)
        features = [np.asarray(part, np.float32) for part in reduced]
        if not features[-1].any():
            return features
        size = self.network.architecture["input_size"]
        shape = None if onsets is None else onsets.shape
        if onsets is None or shape != (num, size, size):
            msg = f"flow came with onsets of shape {shape}, expected the face at each onset, {(num, size, size)}"
            raise ValueError(msg)
        return [*features, standardise(onsets)]

    def predict(
        self,
        images: NDArray[np.uint8],
        texture: Floats | None = None,
        flow: Floats | None = None,
        onsets: NDArray[np.uint8] | None = None,
    ) -> Predictions:
        """Predict expression and PAD.

        Parameters
        ----------
        images : ndarray, shape (N, 48, 48), uint8
            Faces as `ml.datasets.examples.face_image` makes them.
        texture : ndarray, shape (N, H), float32, optional
            Texture block histograms; a row of NaN, or None for all, where there is none.
        flow : ndarray, shape (N, F), float32, optional
            Motion since onset, px of the crop; a row of NaN, or None for all, for stills.
        onsets : ndarray, shape (N, 48, 48), uint8, optional
            Faces at the onset; needed where there is flow, else not looked at. ``baseline`` ignores all three.

        Returns
        -------
        predictions : Predictions

        Raises
        ------
        ValueError
            If a shape or type differs from what the model was trained on.
        """
        logits, pad, embedding = self._forward(images, texture, flow, onsets)
        probabilities = softmax(logits / np.float32(self.temperature), axis=1)
        if pad is None:
            pad = probabilities @ self.pad_anchors
        names = np.asarray(EMOTIONS)
        return Predictions(
            probabilities=probabilities,
            pad=pad,
            emotion=names[probabilities.argmax(axis=1)],
            confidence=probabilities.max(axis=1),
            mapped_emotion=names[map_to_emotion(pad, self.pad_anchors)],
            distance=self._distance(embedding),
        )

    def _distance(self, embedding: Floats) -> Floats:
        known = self.limits.training_range
        return np.full(len(embedding), np.nan, np.float32) if known is None else known.distance(embedding)

    def calibrated(self, valid: ExpressionDataset) -> ExpressionModel:
        """Return the model with the temperature that fits its answers to the labels of validation examples."""
        logits, _ = self.logits(valid.images, *valid.features)
        return replace(self, temperature=fit_temperature(logits, valid.labels))

    def learn_limits(
        self, train: ExpressionDataset, valid: ExpressionDataset, *, config: AbstentionConfig
    ) -> ExpressionModel:
        """Return the model with limits learned from data: least confidence and training range.

        Parameters
        ----------
        train : ExpressionDataset
            The training fold, which the training range describes.
        valid : ExpressionDataset
            The validation fold, which sets both thresholds.
        config : AbstentionConfig

        Returns
        -------
        model : ExpressionModel

        Raises
        ------
        ValueError
            If the training faces of each class look all alike to the network.
        """
        every = max(1, len(train) // _MOST_RANGE_FACES)
        known = train.take(np.arange(0, len(train), every))
        _, _, embedding = self._forward(known.images, *known.features)
        _, _, valid_embedding = self._forward(valid.images, *valid.features)
        confidence = self.predict(valid.images, *valid.features).confidence
        limits = Limits(
            config=config,
            min_confidence=confidence_threshold(confidence, coverage=config.coverage),
            training_range=TrainingRange.fit(
                embedding, known.targets, valid_embedding, typical=config.typical
            ),
        )
        return replace(self, limits=limits)

    def save(self, folder: Path | str) -> None:
        """Write ``model.json`` and ``arrays.npz`` into `folder`: no pickle in either.

        Parameters
        ----------
        folder : path
            Made if absent.
        """
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        described, arrays = self.to_state()
        np.savez(target / "arrays.npz", allow_pickle=False, **arrays)
        (target / "model.json").write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Everything that `from_state` needs: JSON values, and arrays by name."""
        arrays = {_NETWORK_PREFIX + name: value for name, value in self.network.weights.items()}
        arrays["pad_anchors"] = self.pad_anchors
        if self.reducer is not None:
            arrays |= {f"reducer.{name}": value for name, value in vars(self.reducer).items()}
        known = self.limits.training_range
        if known is not None:
            arrays |= {"range.means": known.means, "range.whitening": known.whitening}
        described = {
            "format": _FORMAT,
            "emotions": list(EMOTIONS),
            "architecture": self.network.architecture,
            "temperature": self.temperature,
            "config": dict(self.config),
            "seed": self.seed,
            "feature_version": self.feature_version,
            "split_hash": self.split_hash,
            "pad_space_hash": self.pad_space_hash,
            "code_version": self.code_version,
            "synthetic": self.synthetic,
            "limits": self.limits.described(),
        }
        return described, arrays

    @classmethod
    def load(cls, folder: Path | str) -> ExpressionModel:
        """Rebuild a saved model.

        Parameters
        ----------
        folder : path
            As written by `save`.

        Returns
        -------
        model : ExpressionModel

        Raises
        ------
        ValueError
            If the folder was written in another format or for other emotions.
        """
        source = Path(folder)
        described = json.loads((source / "model.json").read_text(encoding="utf-8"))
        with np.load(source / "arrays.npz", allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        return cls.from_state(described, arrays, source=source)

    @classmethod
    def from_state(
        cls, described: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], *, source: Path
    ) -> ExpressionModel:
        """Rebuild a model from what `to_state` gave; `source` is named where that does not fit.

        Raises
        ------
        ValueError
            If it has another format or other emotions.
        """
        found = (described["format"], tuple(described["emotions"]))
        if found != (_FORMAT, EMOTIONS):
            msg = f"{source} holds (format, emotions) {found}, expected {(_FORMAT, EMOTIONS)}; train it again"
            raise ValueError(msg)
        # The file that ships holds numbers as arrays of one: ``np.ascontiguousarray`` makes them so.
        weights = {
            name.removeprefix(_NETWORK_PREFIX): value.reshape(()) if name.endswith(_COUNTER) else value
            for name, value in arrays.items()
            if name.startswith(_NETWORK_PREFIX)
        }
        parts = {name.split(".", 1)[1]: v for name, v in arrays.items() if name.startswith("reducer.")}
        limits = described["limits"]
        known = (
            TrainingRange(arrays["range.means"], arrays["range.whitening"], limits["max_distance"])
            if "range.means" in arrays
            else None
        )
        kept = ("temperature", "config", "seed", "feature_version", "split_hash", "pad_space_hash")
        return cls(
            network=FrozenDeepID(described["architecture"], weights),
            reducer=FeatureReducer(**parts) if parts else None,
            pad_anchors=arrays["pad_anchors"],
            code_version=described["code_version"],
            synthetic=described["synthetic"],
            limits=Limits(
                config=AbstentionConfig(
                    **{name: limits[name] for name in asdict(AbstentionConfig()) if name in limits}
                ),
                min_confidence=limits["min_confidence"],
                training_range=known,
            ),
            **{name: described[name] for name in kept},
        )


def code_version() -> str:
    """Version of the installed distribution, stored with every checkpoint."""
    return distribution_version("apexline")

"""Networks as they are run: one ONNX Runtime session for each, on the caller's thread.

Belongs here: how a network is opened and asked. Stays out: what it computes (``trunk``, and the packages that bring
weights), and training (``ml.deepid``).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import onnxruntime
from numpy.typing import NDArray


class Session:
    """A network of one input that is ready to answer.

    It has no threads of its own: processes of the line are as many as there are cores, and one that is forked goes on
    where its parent was.

    Parameters
    ----------
    model : Path or bytes
        ONNX file, or what stands in one.
    outputs : sequence of str
        Names of what it is asked for.

    Raises
    ------
    onnxruntime.capi.onnxruntime_pybind11_state.NoSuchFile
        If there is no such file.
    """

    def __init__(self, model: Path | bytes, outputs: Sequence[str]) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            model if isinstance(model, bytes) else str(model), options, providers=["CPUExecutionProvider"]
        )
        self._input, self._outputs = self._session.get_inputs()[0].name, list(outputs)

    def __call__(self, shown: NDArray[Any]) -> list[NDArray[Any]]:
        """Return each output, in the order asked for, of one input; shapes and types are the network's."""
        return cast("list[NDArray[Any]]", self._session.run(self._outputs, {self._input: shown}))

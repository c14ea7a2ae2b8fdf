import pytest
import torch

from apexline.ml.deepid.training.checkpoint import TrainingCheckpoint


def test_what_is_written_is_read(tmp_path):
    state = TrainingCheckpoint(tmp_path / "runs" / "a.state", key="k")
    assert state.read() is None
    tensors = {"network": {"w": torch.arange(3.0)}, "random": {"own": torch.arange(5, dtype=torch.uint8)}}
    state.write({"epoch": 3, "curves": [{"loss": 0.1}]}, tensors)
    numbers, found = state.read()
    assert numbers == {"epoch": 3, "curves": [{"loss": 0.1}]}
    assert torch.equal(found["network"]["w"], tensors["network"]["w"])
    assert torch.equal(found["random"]["own"], tensors["random"]["own"])
    assert [each.name for each in state.path.parent.iterdir()] == ["a.state"]
    state.remove()
    assert state.read() is None


def test_a_file_of_another_run_is_refused(tmp_path):
    TrainingCheckpoint(tmp_path / "a", key="k").write({}, {"x": {"y": torch.ones(1)}})
    with pytest.raises(ValueError, match="a was left by a training with other arguments; remove it"):
        TrainingCheckpoint(tmp_path / "a", key="other").read()

import numpy as np

from apexline.ml.deepid.reducer import FeatureReducer


def test_the_reduction_is_pca_of_square_roots(data):
    reducer = FeatureReducer.fit(data.texture, data.flow, data.flow_mask, num_components=3, seed=0)
    reduced, flow, mask = reducer.transform(data.texture, data.flow_or_nan, num=len(data))
    rooted = np.sqrt(data.texture)
    centred = rooted - rooted.mean(axis=0)
    left, singular, _ = np.linalg.svd(centred, full_matrices=False)
    expected = (left * singular)[:, :3]
    expected /= np.sqrt(np.mean(expected**2))
    np.testing.assert_allclose(np.abs(reduced), np.abs(expected), atol=1e-3)  # signs are free
    np.testing.assert_array_equal(mask, data.flow_mask)
    moving = flow[mask > 0]
    np.testing.assert_allclose(moving.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(moving.std(axis=0), 1, atol=1e-5)
    assert not flow[mask == 0].any()


def test_constant_flow_and_flow_never_seen_do_not_divide_by_zero(data):
    constant = np.full_like(data.flow, 3.0)
    reducer = FeatureReducer.fit(data.texture, constant, np.ones(len(data)), num_components=2, seed=0)
    assert not reducer.transform(None, constant, num=len(data))[1].any()
    stills = FeatureReducer.fit(data.texture, 0 * data.flow, np.zeros(len(data)), num_components=2, seed=0)
    np.testing.assert_array_equal(stills.flow_scale, 1)


def test_flow_counts_by_its_direction_alone(data):
    reducer = FeatureReducer.fit(data.texture, data.flow, data.flow_mask, num_components=2, seed=0)
    near, far = (reducer.transform(None, k * data.flow_or_nan, num=len(data))[1] for k in (1, 5))
    np.testing.assert_allclose(near, far, atol=1e-4)
    assert np.isfinite(reducer.transform(None, 0 * data.flow, num=len(data))[1]).all()

import numpy as np
import pandas as pd
import pytest

from apexline.ml.surveys import agreement
from tests.reference.variance_components import slow_icc

# Table 2 of Shrout and Fleiss 1979: six targets, four judges; ICC(2,1) = .29, ICC(2,4) = .62.
SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float
)


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def _rated(rng, targets, raters, *, spread=(1.0, 0.5, 0.8)):
    target, rater, noise = spread
    return (
        target * rng.normal(size=(targets, 1))
        + rater * rng.normal(size=raters)
        + noise * rng.normal(size=(targets, raters))
    )


def test_the_published_example():
    result = agreement.intraclass_correlation(SHROUT_FLEISS)
    assert result.single == pytest.approx(0.290, abs=5e-4)
    assert result.average == pytest.approx(0.620, abs=5e-4)
    assert (result.num_targets, result.num_raters, result.mean_raters, result.missing) == (6, 4, 4, 0)


def test_mean_squares_formula_on_a_full_table(rng):
    table = _rated(rng, 20, 5)
    n, k = table.shape
    rows, columns = table.mean(axis=1), table.mean(axis=0)
    msr = k * rows.var(ddof=1)
    msc = n * columns.var(ddof=1)
    residual = table - rows[:, None] - columns + table.mean()
    mse = (residual**2).sum() / ((n - 1) * (k - 1))
    result = agreement.intraclass_correlation(table)
    assert result.single == pytest.approx((msr - mse) / (msr + (k - 1) * mse + k * (msc - mse) / n))
    assert result.average == pytest.approx((msr - mse) / (msr + (msc - mse) / n))


def test_a_slow_loop_gives_the_same_with_answers_missing(rng):
    table = _rated(rng, 12, 5)
    table[rng.random(table.shape) < 0.3] = np.nan
    table = table[~np.isnan(table).all(axis=1)]
    result = agreement.intraclass_correlation(table)
    assert (result.single, result.average) == pytest.approx(slow_icc(table.tolist()), rel=1e-9)


def test_missing_at_random_leaves_the_estimate_where_it_was(rng):
    table = _rated(rng, 600, 12)
    full = agreement.intraclass_correlation(table, num_resamples=2)
    table[rng.random(table.shape) < 0.4] = np.nan
    gaps = agreement.intraclass_correlation(table, num_resamples=2)
    assert gaps.single == pytest.approx(full.single, abs=0.03)
    assert gaps.missing == pytest.approx(0.4, abs=0.02)
    assert gaps.mean_raters < 12 * 0.62


def test_neither_origin_nor_unit_matters_but_a_raters_bias_does(rng):
    table = _rated(rng, 30, 4, spread=(1, 0, 0.5))
    plain = agreement.intraclass_correlation(table, num_resamples=2)
    moved = agreement.intraclass_correlation(1e4 + 3 * table, num_resamples=2)
    assert moved.single == pytest.approx(plain.single)
    biased = agreement.intraclass_correlation(table + [0, 0, 0, 3], num_resamples=2)
    assert biased.single < plain.single - 0.1


def test_raters_who_agree_wholly_have_reliability_one():
    result = agreement.intraclass_correlation(np.repeat(np.arange(5.0)[:, None], 3, axis=1))
    assert (result.single, result.average) == pytest.approx((1, 1))


def test_the_interval_holds_the_estimate_and_narrows_with_targets(rng):
    few = agreement.intraclass_correlation(_rated(rng, 20, 5), seed=1)
    many = agreement.intraclass_correlation(_rated(rng, 320, 5), seed=1)
    for result in (few, many):
        assert result.single_low < result.single < result.single_high
        assert result.average_low < result.average < result.average_high
    assert many.single_high - many.single_low < few.single_high - few.single_low


def test_empty_rows_and_columns_do_not_count(rng):
    table = _rated(rng, 10, 3)
    padded = np.full((12, 4), np.nan)
    padded[:10, :3] = table
    result = agreement.intraclass_correlation(padded)
    assert (result.num_targets, result.num_raters, result.missing) == (10, 3, 0)
    assert result.single == pytest.approx(agreement.intraclass_correlation(table).single)


def test_scores_that_do_not_vary_have_no_reliability():
    result = agreement.intraclass_correlation(np.ones((4, 3)))
    assert np.isnan(result.single)
    assert np.isnan(result.single_low)


@pytest.mark.parametrize(
    "table", [np.ones((1, 4)), np.ones((4, 1)), np.array([[1, np.nan], [np.nan, 2]]), np.ones((0, 0))]
)
def test_too_little_is_refused(table):
    with pytest.raises(ValueError, match="collect more ratings"):
        agreement.intraclass_correlation(table)


def test_a_list_is_no_table():
    with pytest.raises(ValueError, match=r"\(targets, raters\)"):
        agreement.intraclass_correlation([1.0, 2.0])


def test_each_pair_has_its_agreement_and_pairs_without_enough_answers_have_none():
    rows = [
        (f"r{rater}", f"s{target}", "good", 1 + (target + (rater == 2)) % 5)
        for target in range(8)
        for rater in range(3)
    ]
    rows += [("r1", "s1", "one_rater", 2), ("r1", "s2", "one_rater", 3)]
    rows += [("r1", "s1", "apart", 2), ("r2", "s2", "apart", 3)]
    ratings = pd.DataFrame(rows, columns=["rater", "segment", "pair", "level"])
    table = agreement.agreement_by_pair(ratings)
    assert table.index.tolist() == ["good"]
    assert table.loc["good", "num_raters"] == 3
    assert 0 < table.loc["good", "single"] < 1

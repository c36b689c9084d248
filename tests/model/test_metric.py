"""THE similarity against 60-digit decimals, and its gradients against finite differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dmlseg_core.errors import ParameterError
from dmlseg_core.model.metric import (
    EPSILON,
    distances2,
    log_dissimilarity,
    log_similarity,
    radius2,
    similarity,
    squares,
    tau_of,
)
from tests import oracles

D2 = st.floats(0, 300, allow_nan=False)
TAU = st.floats(1e-6, 1 - 1e-6)
POINTS = (1e-9, 1e-6, 1e-3, 0.1, 0.7, 1.0, 5.0, 30.0, 80.0)


def double(*values):
    return torch.tensor(values, dtype=torch.float64)


@given(D2)
def test_similarity_is_equation_one(d2):
    assert similarity(double(d2)).item() == pytest.approx(float(oracles.sigma(d2)), rel=1e-12)


@given(D2)
def test_log_similarity_is_its_log(d2):
    ours, theirs = log_similarity(double(d2)).item(), oracles.log_sigma(d2)
    assert ours == pytest.approx(theirs, rel=1e-12, abs=3e-9)  # softplus is linear from 20 on


@pytest.mark.parametrize("d2", POINTS)
def test_log_dissimilarity_is_the_log_of_the_rest(d2):
    ours = log_dissimilarity(double(d2), 0.0).item()
    assert ours == pytest.approx(oracles.log_one_minus_sigma(d2), rel=1e-9, abs=1e-15)
    shifted = log_dissimilarity(double(d2)).item()
    assert shifted == pytest.approx(oracles.log_one_minus_sigma(d2 + EPSILON), rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("d2", POINTS)
def test_float32_keeps_five_digits(d2):
    at = torch.tensor([d2])
    assert log_similarity(at).item() == pytest.approx(oracles.log_sigma(d2), rel=1e-5, abs=1e-6)
    expected = oracles.log_one_minus_sigma(d2 + EPSILON)
    assert log_dissimilarity(at).item() == pytest.approx(expected, rel=1e-5, abs=1e-6)


@given(D2)
def test_one_minus_similarity_is_tanh_of_half_the_distance(d2):
    assert 1 - similarity(double(d2)).item() == pytest.approx(math.tanh(d2 / 2), abs=1e-15)


@given(D2, D2)
def test_nearer_is_more_similar(a, b):
    a, b = sorted((a, b))
    values = double(a, b)
    sigma = similarity(values)
    assert 0 < sigma[1] <= sigma[0] <= 1
    assert log_similarity(values)[1] <= log_similarity(values)[0] <= 0
    assert log_dissimilarity(values)[0] <= log_dissimilarity(values)[1] <= 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("d2", [0.0, 1e-30, 1e4, 1e30])
def test_nothing_overflows(d2, dtype):
    at = torch.tensor([d2], dtype=dtype, requires_grad=True)
    for log in (log_similarity, log_dissimilarity):
        value = log(at)
        (slope,) = torch.autograd.grad(value.sum(), at)
        assert torch.isfinite(value).all() and torch.isfinite(slope).all()
    assert 0 <= similarity(at).item() <= 1
    if d2 == 0:
        assert similarity(at).item() == 1 and log_similarity(at).item() == pytest.approx(
            0, abs=1e-6
        )
        assert log_dissimilarity(at).item() == pytest.approx(math.log(EPSILON / 2), rel=1e-5)
    if d2 >= 1e4:
        assert log_similarity(at).item() == pytest.approx(-d2 + math.log(2), rel=1e-6)
        assert log_dissimilarity(at).item() == 0


@pytest.mark.parametrize("log", [log_similarity, log_dissimilarity])
def test_gradients_of_the_logs(log):
    at = double(0.01, 0.1, 0.5, 1.1, 3.0, 15.0).requires_grad_()
    assert torch.autograd.gradcheck(log, (at,))


def test_gradients_through_the_vectors():
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn((n, 3), generator=generator).double().requires_grad_() for n in (4, 5))
    assert torch.autograd.gradcheck(lambda p, q: log_dissimilarity(distances2(p, q)), (a, b))
    assert torch.autograd.gradcheck(lambda p, q: log_similarity(distances2(p, q)), (a, b))


@pytest.mark.parametrize("gap", [1e-6, 1e-4, 1e-3, 1e-2, 0.1, 1.0])
def test_coincident_strangers_part_with_a_bounded_push(gap):
    """A clamp would leave them together for ever; the added epsilon bounds the force instead."""
    vector = double(gap).requires_grad_()
    log_dissimilarity(vector.square()).sum().backward()
    assert 0 < vector.grad.item() <= EPSILON**-0.5 * (1 + 1e-9)
    d2 = double(0.0).requires_grad_()
    log_dissimilarity(d2).sum().backward()
    assert d2.grad.item() == pytest.approx(1 / EPSILON, rel=1e-3)


# ---------------------------------------------------------------- thresholds


@pytest.mark.parametrize(
    ("tau", "d2"), [(0.25, 1.9459), (0.5, 1.0986), (0.75, 0.5108), (0.9, 0.2007)]
)
def test_radii_of_the_paper(tau, d2):
    assert radius2(tau) == pytest.approx(d2, abs=5e-5)


@given(TAU)
def test_tau_and_radius_are_inverses(tau):
    assert tau_of(radius2(tau)) == pytest.approx(tau, rel=1e-9)


@given(st.floats(1e-6, 12))
def test_radius_and_tau_are_inverses(d2):
    assert radius2(tau_of(d2)) == pytest.approx(d2, rel=1e-7)


@given(TAU, D2)
def test_a_threshold_is_a_radius(tau, d2):
    sigma = float(oracles.sigma(d2))
    if abs(sigma - tau) > 1e-12:
        assert (sigma >= tau) == (d2 <= radius2(tau))


def test_a_far_point_has_a_tau_of_zero():
    assert tau_of(0) == 1 and tau_of(1000) == 0


@pytest.mark.parametrize("tau", [0, 1, -0.1, 1.5, math.nan, math.inf, "much", None])
def test_tau_outside_its_range(tau):
    with pytest.raises(ParameterError, match=r"tau must .*\(0, 1\)"):
        radius2(tau)


# ---------------------------------------------------------------- distances


@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 6), st.integers(1, 8))
@settings(max_examples=40, deadline=None)
def test_distances_by_two_loops(number, n, m, d):
    rng = np.random.default_rng(number)
    a, b = rng.normal(0, 3, (n, d)), rng.normal(0, 3, (m, d))
    ours = distances2(torch.from_numpy(a), torch.from_numpy(b)).numpy()
    slow = [[oracles.distance2(p, q) for q in b] for p in a]
    assert np.allclose(ours, slow, rtol=1e-9, atol=1e-9) and ours.shape == (n, m)
    single = distances2(torch.from_numpy(a).float(), torch.from_numpy(b).float())
    assert single.dtype == torch.float32 and single.min() >= 0
    assert np.allclose(single.numpy(), slow, rtol=1e-4, atol=1e-4)


def test_distances_of_batches():
    a, b = torch.randn(2, 4, 3), torch.randn(2, 5, 3)
    both = distances2(a, b)
    assert both.shape == (2, 4, 5)
    assert torch.allclose(both[1], distances2(a[1], b[1]))


def test_squares_known_before_change_nothing():
    a, b = torch.randn(2, 3), torch.randn(5, 3)
    assert torch.equal(distances2(a, b, squares(b)), distances2(a, b))
    assert distances2(a, b, squares(b) + 1).mean() > distances2(a, b).mean()  # they are read


def test_never_negative_and_next_to_nothing_between_copies():
    copies = torch.full((3, 64), 1.2345)
    d2 = distances2(copies, copies)
    assert (d2 >= 0).all() and d2.max() < 1e-3


def test_autocast_does_not_reach_the_distances():
    """At |e| = 10 bfloat16 errs by more than the radius of tau .25."""
    generator = torch.Generator().manual_seed(1)
    a = torch.nn.functional.normalize(torch.randn((20, 64), generator=generator), dim=1) * 10
    b = a + 0.02 * torch.randn((20, 64), generator=generator)
    exact = distances2(a.double(), b.double())
    with torch.autocast("cpu", torch.bfloat16):
        guarded, naive = distances2(a, b), a @ b.T
    assert guarded.dtype == torch.float32 and naive.dtype == torch.bfloat16
    assert (guarded - exact).abs().max() < 1e-3
    wrong = 200 - 2 * naive.double()
    assert (wrong - exact).abs().max() > 0.5  # what the guard is for
    half = distances2(a.bfloat16(), b.bfloat16())
    assert half.dtype == torch.float32


def test_vectors_of_different_lengths():
    with pytest.raises(ParameterError, match=r"one length.*\(2, 3\).*\(2, 4\)"):
        distances2(torch.zeros(2, 3), torch.zeros(2, 4))

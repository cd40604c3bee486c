"""Worked by hand."""

from __future__ import annotations

import pytest

from app.search import flops


def test_two_and_six() -> None:
    assert flops.inference_flops(7e9, 1_000) == 1.4e13
    assert flops.training_flops(7e9, 2e12) == pytest.approx(8.4e22)
    assert flops.search_flops(1e9, 100, 5e8, 400) == 2e11 + 4e11


def test_gpt3s_attention() -> None:
    """96 layers of width 12,288 at a context of 2,048: 2 x 96 x 12,288 x 2,048 = 4.83e9 operations
    a token beside 2 x 174.6e9, one seventy-third."""
    assert flops.attention_flops(96, 12_288, 2_048, 1) == 4_831_838_208
    assert flops.attention_share(174.6e9, 96, 12_288, 2_048) == pytest.approx(0.01365, abs=1e-5)


def test_under_a_tenth_up_to_a_context_of_four_thirds_of_the_width() -> None:
    for layers, width in ((2, 64), (32, 4096)):
        parameters = 12 * layers * width**2
        assert flops.attention_share(parameters, layers, width, width * 4 / 3) == pytest.approx(0.1)
        assert flops.attention_share(parameters, layers, width, width) < 0.1


def test_what_a_larger_model_would_cost() -> None:
    """14 times as large (Snell et al. 2024, section 7). As many tokens asked as learned, R = 1: 14 + 3
    x 13 = 53 solutions for one; R = 0.16: 14 + 39 / 0.16 = 257.75; R = 22: 15.77, hardly more than 14."""
    assert flops.matched_samples(14, 1) == 53
    assert flops.matched_samples(14, 0.16) == pytest.approx(257.75)
    assert flops.matched_samples(14, 22) == pytest.approx(15.7727, abs=1e-4)
    assert flops.matched_samples(1, 0.5) == 1, "no larger, no more"


def test_the_formula_is_the_equation_it_comes_from() -> None:
    small, times, pretraining, inference = 2e9, 5.0, 3e11, 7e10
    k = flops.matched_samples(times, flops.compute_ratio(inference, pretraining))
    small_flops = flops.training_flops(small, pretraining) + k * flops.inference_flops(small, inference)
    theirs = flops.training_flops(times * small, pretraining) + flops.inference_flops(
        times * small, inference
    )
    assert small_flops == pytest.approx(theirs)


def test_what_makes_no_sense() -> None:
    for times, ratio in ((0.5, 1), (2, 0), (2, -1)):
        with pytest.raises(ValueError, match="larger"):
            flops.matched_samples(times, ratio)
    with pytest.raises(ValueError, match="pretraining"):
        flops.compute_ratio(1, 0)

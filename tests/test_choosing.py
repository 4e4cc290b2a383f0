"""Which takes are kept of those that are written."""

import numpy as np
import pytest

from utils.arranger.choosing import DIFFERENCE, choose, count_spare

BEATS = 20


def roots(*differs_on):
    """Takes that differ from the first of all on some beats each, every one in a way of its own."""
    takes = np.zeros((len(differs_on), BEATS), int)
    for number, beats in enumerate(differs_on):
        takes[number, list(beats)] = number
    return takes


EVERYWHERE = range(BEATS)


def test_a_take_that_differs_is_worth_a_little_more():
    prices = [0.60, 0.50, 0.52, 0.55]
    assert choose(prices, roots([], [], [], []), 2) == [1, 2]  # the cheapest, where all are alike
    assert choose(prices, roots([], [], [], EVERYWHERE), 2) == [1, 3]
    dear = [0.60, 0.50, 0.52, 0.53 + DIFFERENCE]
    assert choose(dear, roots([], [], [], EVERYWHERE), 2) == [1, 2]
    # To whoever wants to be bold it is worth more.
    assert choose(dear, roots([], [], [], EVERYWHERE), 2, creativity=2) == [1, 3]


def test_the_difference_is_that_from_all_that_are_chosen():
    # The last is as unlike the first as the third is, but the twin of the second.
    prices = [0.50, 0.51, 0.53, 0.52]
    takes = roots([], EVERYWHERE, EVERYWHERE, EVERYWHERE)
    takes[3] = takes[1]
    assert choose(prices, takes, 3) == [0, 1, 2]


@pytest.mark.parametrize("seed", range(20))
def test_the_choice_does_not_go_by_the_order_and_keeps_the_cheapest(seed):
    rng = np.random.default_rng(seed)
    prices, takes = rng.random(9), rng.integers(0, 3, (9, BEATS))
    keep = int(rng.integers(1, 10))
    chosen = choose(prices, takes, keep)
    assert chosen == sorted(set(chosen)) and len(chosen) == keep
    assert prices.argmin() in chosen
    order = rng.permutation(9)
    assert {order[number] for number in choose(prices[order], takes[order], keep)} == set(chosen)
    assert set(choose(prices, takes, max(1, keep - 1))) <= set(chosen)  # one more is one more


def test_a_single_take_is_the_only_one_that_is_written():
    assert count_spare(0) == count_spare(1) == 0
    assert all(count_spare(takes) >= takes // 2 for takes in range(2, 20))

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from utils.music.grid import to_steps
from utils.music.meter import (
    Meter,
    bar_lines,
    divide_into_bars,
    hear_in_common_time,
    split_pickup,
    tidy_meters,
)


def meters(*signatures):
    return tidy_meters([Meter(Fraction(beat), *map(int, sign.split("/"))) for beat, sign in signatures])


def heard(sign, steps, pickup=0):
    return hear_in_common_time(meters((0, sign)), Fraction(pickup), steps).tolist()


@pytest.mark.parametrize(
    ("signatures", "pickup", "lines"),
    [
        ([(0, "4/4")], 0, [0, 16, 32]),
        ([(0, "4/4")], 1, [4, 20, 36]),
        ([(0, "6/8")], Fraction(1, 2), [2, 14, 26, 38]),
        ([(0, "2/2")], 0, [0, 16, 32]),
        ([(0, "3/4"), (6, "2/4")], 0, [0, 12, 24, 32]),
        ([(0, "4/4"), (6, "4/2")], 0, [0, 16, 24]),  # a bar that another meter cuts short
        ([(0, "5/32")], 0, [0, 3, 5, 8, 10, 13, 15, 18, 20, 23, 25, 28, 30, 33, 35, 38]),
    ],
)
def test_bars_begin_where_the_signatures_say(signatures, pickup, lines):
    assert bar_lines(meters(*signatures), Fraction(pickup), 40).tolist() == lines


def test_the_grid_has_the_bars_of_the_score():
    rng, ticks = np.random.default_rng(0), 480
    for _ in range(300):
        changes = np.cumsum(rng.integers(1, 20, 3)) * Fraction(1, int(rng.choice([1, 2, 3, 8])))
        signs = rng.choice(["4/4", "3/4", "6/8", "2/2", "5/8", "7/16", "5/32", "1/16"], 4)
        signatures = meters(*zip((Fraction(0), *changes), signs, strict=True))
        pickup, steps = Fraction(int(rng.integers(0, 9)), 4), int(rng.integers(1, 120))
        bars = divide_into_bars(signatures, pickup, Fraction(steps, 4))
        assert bars[0].start == 0 and bars[-1].start < Fraction(steps, 4) <= bars[-1].end
        assert all(one.start < one.end == following.start for one, following in pairwise(bars))
        for bar in bars:
            in_force = max(meter for meter in signatures if meter.beat <= bar.start)
            assert (bar.numerator, bar.denominator) == in_force[1:]
        # A bar begins at the step of a note that begins with it.
        starts = to_steps([int(ticks * bar.start) for bar in (bars[1:] if pickup else bars)], ticks)
        lines = bar_lines(signatures, pickup, steps).tolist()
        assert lines == sorted({step for step in starts.tolist() if step < steps})


def test_signatures_are_tidied():
    assert tidy_meters([]) == (Meter(0, 4, 4),)
    assert meters((2, "3/4")) == (Meter(0, 4, 4), Meter(2, 3, 4))
    assert meters((0, "3/4"), (3, "3/4"), (6, "4/4"), (6, "2/4")) == (Meter(0, 3, 4), Meter(6, 2, 4))
    assert meters((0, "0/4")) == (Meter(0, 4, 4),)
    assert meters((0, "3/4"), (3, "1/32")) == (Meter(0, 3, 4),)  # a bar of less than a step


def test_a_damaged_signature_does_not_make_endless_bars():
    signatures = meters((0, f"4/{2**255}"), (8, f"255/{2**255}"))  # the most that a MIDI file can say
    assert bar_lines(signatures, Fraction(0), 64).tolist() == [0, 16, 32, 48]


def test_a_short_first_bar_of_its_own_is_a_pickup():
    assert split_pickup(meters((0, "3/8"), (Fraction(3, 2), "4/4"))) == ((Meter(0, 4, 4),), Fraction(3, 2))
    whole = meters((0, "3/4"), (3, "2/4"))  # a longer bar, and
    twice = meters((0, "1/4"), (2, "4/4"))  # two short bars: music, no pickup
    for kept in (whole, twice, meters((0, "4/4"))):
        assert split_pickup(kept) == (kept, 0)


def test_common_time_is_heard_as_it_is():
    assert heard("4/4", 40) == list(range(40))
    assert heard("2/2", 40) == list(range(40))
    assert heard("2/4", 40) == list(range(40))


def test_a_pickup_comes_before_the_models_bar():
    assert heard("4/4", 8, pickup=1) == list(range(12, 20))
    assert heard("3/4", 8, pickup=1) == list(range(12, 20))
    assert heard("6/8", 4, pickup=Fraction(1, 2)) == [12, 13, 16, 17]
    assert heard("4/4", 44, pickup=10)[40] % 16 == 0  # longer than a bar


def test_a_piece_may_be_no_more_than_a_pickup():
    assert heard("4/4", 4, pickup=1) == [12, 13, 14, 15]
    assert heard("4/4", 3, pickup=2) == [13, 14, 15]
    assert bar_lines(meters((0, "4/4")), Fraction(2), 3).tolist() == []


def test_one_unit_of_three_is_heard_twice_as_long():
    assert heard("3/4", 24) == [*range(8), *range(12, 24), *range(28, 32)]
    assert heard("6/8", 12) == [*range(6), *range(8, 14)]
    assert heard("9/8", 18) == [*range(6), *range(8, 14), *range(16, 22)]
    assert heard("3/2", 24) == [*range(16), *range(24, 32)]


def test_all_other_bars_begin_with_a_beat():
    assert heard("5/4", 40) == list(range(40))
    assert heard("7/8", 28) == [*range(14), *range(16, 30)]
    assert hear_in_common_time(meters((0, "7/8"), (3.5, "4/4")), Fraction(0), 20)[14] == 16


@pytest.mark.parametrize("sign", ["4/4", "3/4", "6/8", "12/8", "5/8", "7/16", "3/32", "1/64", "13/4", "9/1"])
@pytest.mark.parametrize("pickup", [0, Fraction(3, 4), 7])
def test_every_step_is_heard_once_in_order(sign, pickup):
    places = heard(sign, 101, pickup)
    assert len(places) == 101 and places[0] >= 0
    assert (np.diff(places) > 0).all()

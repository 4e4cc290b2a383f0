"""Bars by number, and places such as 3:2.5."""

from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from utils.music.meter import Bar, Meter, bar_lines
from utils.songs.places import find_bars, find_note, find_step, name_place
from utils.songs.song import MelodyError


def song(pickup=0, meters=((0, 4, 4),), bars=None, steps=64):
    meters = tuple(Meter(Fraction(beat), *meter) for beat, *meter in meters)
    return SimpleNamespace(
        source="a.mid", meters=meters, pickup=Fraction(pickup), bars=bars, grid=np.full(steps, 60)
    )


@st.composite
def songs(draw):
    meters = [(0, draw(st.sampled_from([2, 3, 4, 5])), 4)]
    if draw(st.booleans()):
        meters.append((draw(st.integers(3, 9)), 6, 8))
    pickup = draw(st.sampled_from([0, 1, Fraction(1, 2)]))
    return song(pickup, meters, steps=draw(st.integers(40, 90)))


@given(songs())
@settings(max_examples=40, deadline=None)
def test_every_step_has_a_name_and_every_bar_its_steps(song):
    steps = len(song.grid)
    names = [name_place(song, steps, step) for step in range(steps)]
    assert [find_step(song, name) for name in names] == list(range(steps))
    numbers = sorted({int(name.partition(":")[0]) for name in names})
    assert numbers[0] == (0 if song.pickup else 1)
    chosen = np.array([find_bars(song, number) for number in numbers])
    assert (chosen.sum(axis=0) == 1).all()  # each step is of one bar
    assert [numbers[place] for place in chosen.argmax(axis=0)] == [int(n.partition(":")[0]) for n in names]
    lines = bar_lines(song.meters, song.pickup, steps)
    assert (
        np.flatnonzero(np.diff(chosen.argmax(axis=0), prepend=0 if song.pickup else -1)).tolist()
        == lines.tolist()
    )


@pytest.mark.parametrize(
    ("asked", "bars"),
    [
        ("2-3", [2, 3]),
        ("2–3, 1", [1, 2, 3]),
        ("4 1;2", [1, 2, 4]),
        (3, [3]),
        (["2-3", 4], [2, 3, 4]),
        (range(1, 3), [1, 2]),
    ],
)
def test_bars_are_named_in_many_ways(asked, bars):
    expected = np.isin(np.arange(64) // 16 + 1, bars)
    np.testing.assert_array_equal(find_bars(song(), asked), expected)


def test_a_pickup_is_bar_0_and_shifts_the_others():
    with_pickup = song(pickup=1)
    assert np.flatnonzero(find_bars(with_pickup, 0)).tolist() == [0, 1, 2, 3]
    assert np.flatnonzero(find_bars(with_pickup, "1")).tolist() == list(range(4, 20))
    assert find_step(with_pickup, "0:4") == 0 and find_step(with_pickup, "1:1") == 4


def test_bars_of_a_score_count_as_they_are():
    short = (Bar(0, 4, 4, 4), Bar(4, 6, 4, 4), Bar(6, 10, 4, 4))
    assert np.flatnonzero(find_bars(song(bars=short, steps=40), 2)).tolist() == list(range(16, 24))


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("5", "there is no bar 5: its bars are 1 to 4"),
        ("0", "no bar 0: its bars are 1 to 4"),
        ("3-6", "no bars 3 to 6: its bars are 1 to 4"),
        ("3-2", "3-2 names no bars"),
        ("two", "two names no bars.*5-8 11"),
        ("", "no bars are named"),
        ([], "no bars are named"),
    ],
)
def test_bars_that_do_not_exist(asked, words):
    with pytest.raises(MelodyError, match=f"^a.mid: .*({words})"):
        find_bars(song(), asked)


def test_a_note_is_found_wherever_it_sounds():
    grid, onset = np.repeat([60, 60, -1, 67], [6, 4, 2, 52]), np.zeros(64, bool)
    onset[[0, 6, 12]] = True
    assert find_note(song(), grid, onset, "1:2.25") == (0, 6, 60)
    assert find_note(song(), grid, onset, "1:2.5") == (6, 10, 60)
    assert find_note(song(), grid, onset, 63) == (12, 64, 67)
    with pytest.raises(MelodyError, match=r"the voice rests at 1:3.5"):
        find_note(song(), grid, onset, (1, 3.5))
    with pytest.raises(MelodyError, match=r"9:1: its bars are 1 to 4"):
        find_note(song(), grid, onset, "9:1")
    with pytest.raises(MelodyError, match=r"1:5: that bar has no such beat"):
        find_note(song(), grid, onset, "1:5")
    with pytest.raises(MelodyError, match=r"there is no step 64"):
        find_note(song(), grid, onset, 64)

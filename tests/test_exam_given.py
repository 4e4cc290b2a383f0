"""The exam in which any part of held-out chorales is given."""

import json
from itertools import pairwise

import numpy as np
import pytest

from utils.corpus.windows import windows
from utils.exam import given as exam_given
from utils.exam.given import arrange_given, parts_given, retrieve_given, table_given
from utils.exam.rows import nearest_window
from utils.exam.whole import load_whole_songs
from utils.networks.store import load_shipped_generator
from utils.path_utils import PRETRAINED_DIR

CASES = {
    "soprano": [0],
    "soprano and bass": [0, 3],
    "bass": [3],
    "soprano and alto": [0, 1],
    "every second bar": None,
    "half of the beats": None,
}


@pytest.fixture(scope="module")
def chorales():
    songs = list(load_whole_songs("valid").values())
    with_pickup = [song for song in songs if song.bars[0] % 16]
    return sorted(with_pickup, key=lambda song: len(song.grid))[:3]


def test_what_is_given_is_what_the_case_says(chorales):
    for chorale in chorales:
        cases = parts_given(chorale, seed=1)
        assert list(cases) == list(CASES)
        for name, voices in CASES.items():
            known = cases[name]
            assert known.shape == chorale.grid.shape
            if voices is not None:
                np.testing.assert_array_equal(known, np.tile(np.isin(range(4), voices), (len(known), 1)))
        bars = cases["every second bar"]
        begins = [0, *(bar for bar in chorale.bars.tolist() if bar > 0)]
        told = [bars[first:last] for first, last in pairwise([*begins, len(bars)])]
        assert all(part.all() or not part.any() for part in told)
        assert all(one.any() != other.any() for one, other in pairwise(told))
        beats = cases["half of the beats"]
        changes = np.flatnonzero((beats[1:] != beats[:-1]).any(axis=1)) + 1
        assert ((changes - chorale.bars[0]) % 4 == 0).all()
        assert 0.2 < beats.mean() < 0.8
        assert (beats == beats[:, :1]).all()


def test_half_of_the_beats_is_drawn_anew_for_another_seed(chorales):
    one, same, other = (parts_given(chorales[0], seed)["half of the beats"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


@pytest.mark.parametrize("case", CASES)
def test_what_is_given_comes_out_as_it_is(chorales, case):
    chorale = chorales[0]
    known = parts_given(chorale)[case]
    training = windows(chorales)[0]
    written = arrange_given(load_shipped_generator(), chorale, known)
    for grid in (written, retrieve_given(chorale, known, training)):
        assert grid.shape == chorale.grid.shape
        sounding = known & (chorale.grid >= 0)
        np.testing.assert_array_equal(grid[sounding], chorale.grid[sounding])
    assert (written[~known] >= 0).all()


def test_retrieval_finds_the_piece_itself_in_another_key_by_any_part(chorales):
    """A window that is in the training data, moved, comes back whole whatever is given of it."""
    (window, *others) = windows(chorales)[0][:6].astype(int)
    rng = np.random.default_rng(0)
    training = np.stack([*others, window - 5])
    for known in (np.arange(4) == 3, rng.random((32, 4)) < 0.4):
        np.testing.assert_array_equal(nearest_window(window, training, known), window)


def test_the_table_has_a_line_for_each_case_and_row():
    stored = json.loads((PRETRAINED_DIR / "given.json").read_text())
    lines = table_given(stored).splitlines()
    assert len(lines) == 2 + sum(len(evaluation["rows"]) for evaluation in stored.values())
    assert all(line.count("|") == lines[0].count("|") for line in lines)
    assert list(stored) == list(CASES)


@pytest.mark.parametrize("case", ["bass", "every second bar"])
def test_the_shipped_network_reproduces_the_stored_table(case):
    stored = json.loads((PRETRAINED_DIR / "given.json").read_text())[case]
    named = load_whole_songs("test")
    assert stored["songs"] == list(named)
    some = sorted(range(len(named)), key=lambda number: len(list(named.values())[number].grid))[:6]
    told = stored["rows"]["hears what is given"]["accuracy of the missing"]
    found = []
    for number in some:
        chorale = list(named.values())[number]
        known = exam_given.parts_given(chorale, number)[case]
        found.append((arrange_given(load_shipped_generator(), chorale, known) == chorale.grid)[~known].mean())
    assert np.mean(found) == pytest.approx(np.mean([told[number] for number in some]), abs=0.01)

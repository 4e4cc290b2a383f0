"""How well a generator listens, told while it trains."""

import numpy as np
import pytest
import tensorflow as tf
from test_run import start

from utils import dataset_utils, metrics_utils
from utils.music.grid import grid_to_roll
from utils.training.listening import MOST_WINDOWS, ListeningTest
from utils.training.run import read_histories

VALID = "dataset/valid.npy"


class Answers:
    """A generator that gives these rolls to whatever it is given, and notes what it is asked."""

    def __init__(self, grid, tracks_given=1):
        self.input_shape = (None, 32, 128, tracks_given), (None, 2, 8, 512)
        self.rolls, self.given, self.noise = tf.constant(grid_to_roll(grid), tf.float32), [], []

    def __call__(self, inputs, training):
        given, noise = inputs
        assert not training and given.shape[0] == noise.shape[0] == len(self.rolls)
        assert given.shape[1:] == self.input_shape[0][1:] and given.dtype == tf.float32
        self.given.append(given.numpy())
        self.noise.append(noise.numpy())
        return self.rolls


@pytest.fixture(scope="module")
def listening_test():
    return ListeningTest(VALID)


def test_bach_has_his_own_figures(listening_test):
    figures = listening_test(Answers(listening_test.real))
    assert figures == pytest.approx(listening_test.bach, abs=0.02)  # who answers never rests; Bach does
    gap = metrics_utils.conditioning_gap(listening_test.real)
    assert listening_test.bach["conditioning gap"] == gap and listening_test.bach["accuracy"] == 1


def test_who_ignores_the_melody_is_found_out(listening_test):
    real = listening_test.real
    shuffled = np.concatenate([np.roll(real, 7, axis=0)[..., :1], np.roll(real, 1, axis=0)[..., 1:]], axis=-1)
    answers = Answers(shuffled)
    figures = listening_test(answers)
    assert abs(figures["conditioning gap"]) < 0.1 < listening_test.bach["conditioning gap"]
    same = (np.roll(real, 1, axis=0) == real) & (real >= 0)
    assert figures["accuracy"] == pytest.approx(same[..., 1:].mean())  # of the other voices alone
    np.testing.assert_array_equal(listening_test.accompany(answers)[..., 0], real[..., 0])  # the true melody


@pytest.mark.parametrize("track", [0, 3])
@pytest.mark.parametrize("tracks_given", [1, 4])
def test_one_track_is_given_and_stays(track, tracks_given):
    test = ListeningTest(VALID, track)
    shuffled = np.roll(test.real, 1, axis=0)
    answers = Answers(shuffled, tracks_given)
    answer = test.accompany(answers)
    np.testing.assert_array_equal(answer[..., track], test.real[..., track])
    others = np.arange(4) != track
    sung = shuffled >= 0
    np.testing.assert_array_equal(answer[sung & others], shuffled[sung & others])
    (given,) = answers.given
    rolls = grid_to_roll(test.real)
    if tracks_given == 1:
        np.testing.assert_array_equal(given, rolls[..., [track]])
    else:
        np.testing.assert_array_equal(given, np.where(others, 0, rolls))


@pytest.mark.parametrize("track", [0, 3])
def test_what_is_given_is_measured_against_the_others(track):
    test = ListeningTest(VALID, track)
    others = np.arange(4) != track
    half = test.real.copy()
    half[::2, :, others] = 127
    assert test.measure(half)["accuracy"] == pytest.approx(0.5)
    assert test.measure(test.real) == test.bach
    # Who ignores the given track is found out, though the others fit one another.
    ignored = np.where(others, np.roll(test.real, 1, axis=0), test.real)
    assert abs(test.measure(ignored)["conditioning gap"]) < 0.1 < test.bach["conditioning gap"]


def test_a_track_that_is_not_there_is_refused():
    for track in (-1, 4):
        with pytest.raises(ValueError, match=rf"track {track} .*{VALID} holds 4; choose 0..3"):
            ListeningTest(VALID, track)


def test_there_is_no_noise_unless_it_is_asked_for(listening_test):
    answers = Answers(listening_test.real)
    listening_test(answers)
    for seed, size in ((0, 1), (0, 0.5), (1, 1)):
        listening_test.accompany(answers, seed, size)
    none, first, half, other = answers.noise
    assert (none == 0).all() and 1.9 < np.abs(first).max() <= 2
    np.testing.assert_allclose(half, first / 2)
    assert np.abs(first - other).mean() > 0.5


def test_more_data_takes_no_longer(tmp_path):
    rolls = dataset_utils.load_rolls("dataset/train.npy")
    assert len(rolls) > MOST_WINDOWS
    assert len(ListeningTest("dataset/train.npy").real) == MOST_WINDOWS


def test_a_run_keeps_its_tests(tmp_path):
    run = start(tmp_path)
    for iteration in run.until(3):
        run.log(0.5, 0.5)
        run.note_test({"conditioning gap": iteration / 4}, {"conditioning gap": 0.5})
    again = start(tmp_path)
    assert again.bach == {"conditioning gap": 0.5}
    assert again.tests == {"iteration": [0, 1, 2], "conditioning gap": [0, 0.25, 0.5]}
    (history,) = read_histories(tmp_path).values()
    assert history["tests"] == again.tests

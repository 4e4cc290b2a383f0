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
    """A generator that gives these rolls to the melodies of the test, and notes what it is asked."""

    input_shape = ((None, 32, 128, 1), (None, 2, 8, 512))

    def __init__(self, grid):
        self.rolls, self.noise = tf.constant(grid_to_roll(grid), tf.float32), []

    def __call__(self, inputs, training):
        melody, noise = inputs
        assert not training and melody.shape[0] == noise.shape[0] == len(self.rolls)
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

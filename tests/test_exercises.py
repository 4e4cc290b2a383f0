"""The exercises: right answers of several kinds pass, and the wrong ones that people give are told where."""

import numpy as np
import pytest
import tensorflow as tf

from utils.lesson import exercises
from utils.lesson.definitions import load_lesson


def verdict(capsys):
    return capsys.readouterr().out.strip()


@pytest.mark.parametrize("check", ["check_transposed", "check_one_sided", "check_parallel_fifths"])
def test_an_exercise_that_is_not_answered_says_so(check, capsys):
    getattr(exercises, check)(lambda *_: ...)
    assert verdict(capsys).endswith("not answered yet.")


# ------------------------------------------------------------------------------------------------ 1: count
def test_the_count_is_that_of_the_classic_critic():
    lesson = load_lesson()
    first = next(x for x in lesson.build_critic(lesson.CLASSIC).layers if "conv" in x.name)
    f = exercises.FIRST_CONVOLUTION
    assert first.kernel.shape == (f["rows"], f["columns"], f["sheets"], f["filters"])


@pytest.mark.parametrize("count", [5184, np.int64(5184), 5184.0, 4 * 4 * 5 * 64 + 64])
def test_right_counts_pass(count, capsys):
    exercises.check_count(count)
    assert verdict(capsys) == "Exercise 1: right!"


@pytest.mark.parametrize(
    ("count", "hint"),
    [
        (..., "not answered yet"),
        (5120, "one bias"),
        (80, "one filter"),
        (1088, "all five sheets"),
        (4160, "sheet of its own"),
        (5125, "bias belongs to a filter"),
        (3, "how many weights"),
        ([5184], "a whole number"),
        (5184.5, "a whole number"),
    ],
)
def test_wrong_counts_get_a_hint_and_no_answer(count, hint, capsys):
    exercises.check_count(count)
    said = verdict(capsys)
    assert hint in said
    assert "5184" not in said.replace(repr(count), "")
    assert "right" not in said


# -------------------------------------------------------------------------------------------- 2: transpose
def moved_by_loop(rolls, semitones):
    answer = np.full_like(rolls, -1)
    for pitch in range(128):
        if 0 <= pitch + semitones < 128:
            answer[..., pitch + semitones, :] = rolls[..., pitch, :]
    return answer


def moved_by_roll(rolls, semitones):
    answer = np.roll(rolls, semitones, axis=-2)
    edge = slice(0, semitones) if semitones >= 0 else slice(semitones, None)
    answer[..., edge, :] = -1
    return answer


def moved_by_tensorflow(rolls, semitones):
    up, down = max(semitones, 0), max(-semitones, 0)
    around = [(0, 0)] * (rolls.ndim - 2) + [(up, down), (0, 0)]
    return tf.pad(rolls, around, constant_values=-1)[..., down : down + 128, :]


@pytest.mark.parametrize("answer", [moved_by_loop, moved_by_roll, moved_by_tensorflow])
def test_right_transpositions_pass(answer, capsys):
    exercises.check_transposed(answer)
    assert verdict(capsys) == "Exercise 2: right!"


def in_place(rolls, semitones):
    rolls[...] = moved_by_loop(rolls, semitones)
    return rolls


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda rolls, n: np.roll(rolls, n, axis=-2), "largest difference is 2, at step"),  # no silent edge
        (lambda rolls, n: moved_by_loop(rolls, 3), "moved by -5"),  # the interval is hard-coded
        (lambda rolls, n: moved_by_loop(rolls, -n), "largest difference"),
        (lambda rolls, n: np.stack([moved_by_loop(r[None], n)[0] for r in rolls[:2]]), "shape"),
        (lambda rolls, n: np.roll(rolls, n, axis=0), "largest difference"),  # moves time
        (in_place, "work on a copy"),
        (lambda rolls, n: "up", "numbers are wanted"),
        (lambda rolls, n: rolls * np.nan, "largest difference is nan"),
    ],
)
def test_wrong_transpositions_are_told_where(answer, said, capsys):
    exercises.check_transposed(answer)
    found = verdict(capsys)
    assert "not quite" in found
    assert said in found


# -------------------------------------------------------------------------------------------- 3: one-sided
@pytest.mark.parametrize(
    "answer",
    [
        lambda norm: np.mean(np.maximum(norm - 1, 0) ** 2),
        lambda norm: tf.reduce_mean(tf.square(tf.nn.relu(norm - 1))),
        lambda norm: sum(max(n - 1, 0) ** 2 for n in norm.tolist()) / len(norm),
        lambda norm: np.float64(np.where(norm > 1, (norm - 1) ** 2, 0).mean()),
    ],
)
def test_right_penalties_pass(answer, capsys):
    exercises.check_one_sided(answer)
    assert verdict(capsys) == "Exercise 3: right!"


@pytest.mark.parametrize(
    "answer",
    [
        lambda norm: np.mean((norm - 1) ** 2),  # two-sided
        lambda norm: np.mean(np.maximum(norm - 1, 0)),  # not squared
        lambda norm: np.sum(np.maximum(norm - 1, 0) ** 2),  # a sum
        lambda norm: np.mean((norm[norm > 1] - 1) ** 2) if (norm > 1).any() else 0.0,  # of the fined alone
        lambda norm: np.mean(np.maximum(norm, 1) ** 2),
        lambda norm: np.maximum(norm - 1, 0) ** 2,  # no mean
        lambda norm: 4 / 3,
    ],
)
def test_wrong_penalties_are_told(answer, capsys):
    exercises.check_one_sided(answer)
    said = verdict(capsys)
    assert "not quite (slopes" in said
    assert "1.333" not in said or answer(np.array([5.0])) == 4 / 3


# -------------------------------------------------------------------------------------------- 4: parallels
def by_loop(upper, lower):
    found = 0
    for k in range(1, len(upper)):
        fifths = (upper[k] - lower[k]) % 12 == 7 and (upper[k - 1] - lower[k - 1]) % 12 == 7
        same = (upper[k] - upper[k - 1]) * (lower[k] - lower[k - 1]) > 0
        found += fifths and same
    return found


def by_arrays(upper, lower):
    up, down = np.diff(upper), np.diff(lower)
    fifth = np.isin(upper - lower, (7, 19, 31, 43))
    return int((fifth[1:] & fifth[:-1] & (up * down > 0)).sum())


@pytest.mark.parametrize("answer", [by_loop, by_arrays])
def test_right_counts_of_fifths_pass(answer, capsys):
    exercises.check_parallel_fifths(answer)
    assert verdict(capsys) == "Exercise 4: right!"


def fifths(upper, lower):
    return (upper - lower) % 12 == 7


@pytest.mark.parametrize(
    ("answer", "case"),
    [
        (lambda u, lo: fifths(u, lo).sum(), "both go up"),
        (lambda u, lo: (fifths(u, lo)[1:] & fifths(u, lo)[:-1]).sum(), "nobody moves"),
        (
            lambda u, lo: (
                fifths(u, lo)[1:] & fifths(u, lo)[:-1] & (np.diff(u) != 0) & (np.diff(lo) != 0)
            ).sum(),
            "opposite directions",
        ),
        (lambda u, lo: (((u - lo == 7)[1:] & (u - lo == 7)[:-1]) * (np.diff(u) != 0)).sum(), "octave wider"),
        (lambda u, lo: (((u - lo) % 12 % 7 == 0)[1:] & (np.diff(u) * np.diff(lo) > 0)).sum(), "octaves"),
        (lambda u, lo: 3, "both go up"),
    ],
)
def test_wrong_counts_of_fifths_are_told_on_which_music(answer, case, capsys):
    exercises.check_parallel_fifths(answer)
    said = verdict(capsys)
    assert "not quite" in said
    assert case in said

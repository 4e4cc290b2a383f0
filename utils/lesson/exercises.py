"""Checks of the lesson's exercises: answers are tried on inputs that nobody sees, and told what is wrong."""

from __future__ import annotations

import numpy as np

from ..music.grid import PITCHES, grid_to_roll
from ..music.theory import FIFTH, OCTAVE

CLOSE = 1e-4
FIRST_CONVOLUTION = {"rows": 4, "columns": 4, "sheets": 5, "filters": 64}  # of the classic critic


def check_count(count):
    """Check exercise 1: the weights and biases of the classic critic's first convolution.

    Parameters
    ----------
    count : int, or ... where it is not answered yet
    """
    rows, columns, sheets, filters = FIRST_CONVOLUTION.values()
    kernel = rows * columns * sheets
    hints = {
        kernel * filters: "and every filter has one bias",
        kernel: "that is one filter, without its bias; there are 64",
        rows * columns * filters + filters: "every filter looks at all five sheets",
        rows * columns * (sheets - 1) * filters + filters: "the melody is a sheet of its own",
        kernel * filters + sheets: "a bias belongs to a filter, not to a sheet",
    }
    if count is ...:
        _say(1, None)
    elif np.ndim(count) or int(count) != count:
        _say(1, f"a whole number is wanted, not {count!r}")
    elif count == kernel * filters + filters:
        _say(1, "")
    else:
        _say(
            1, f"{hints.get(int(count), 'how many weights has one filter, and how many filters are there?')}"
        )


def check_transposed(transpose):
    """Check exercise 2: piano rolls moved by semitones.

    Parameters
    ----------
    transpose : callable
        ``transpose(rolls, semitones)`` with piano rolls float32 [..., step, pitch=128, track].
    """
    rng = np.random.default_rng(0)
    for shape, semitones in (((8, 4), 3), ((8, 4), -5), ((2, 8, 4), 12), ((8, 1), 0), ((3, 8, 2), -1)):
        grid = rng.integers(0, PITCHES, shape)
        grid[..., 0, 0], grid[..., 1, 0] = 0, PITCHES - 1  # at the edges
        moved = np.where((grid + semitones < 0) | (grid + semitones >= PITCHES), -1, grid + semitones)
        rolls = grid_to_roll(grid)
        before = rolls.copy()
        answer = transpose(rolls, semitones)
        wrong = _compare(answer, grid_to_roll(moved), ("sample", "step", "pitch", "track"))
        if answer is not ... and not wrong and not np.array_equal(rolls, before):
            wrong = "the rolls that were given have changed; work on a copy"
        if answer is ... or wrong:
            _say(
                2,
                wrong,
                f"rolls {rolls.shape} moved by {semitones}",
                "Is the edge silent (-1) that is entered?",
            )
            return
    _say(2, "")


def check_one_sided(penalty):
    """Check exercise 3: the mean over all samples of the square of what a slope has above 1.

    Parameters
    ----------
    penalty : callable
        ``penalty(norm)`` with the slopes float32 [sample].
    """
    rng = np.random.default_rng(0)
    cases = [[0.2, 1.0, 3.0], [0.5, 0.9], [1.0], [2.0, 2.0], *rng.uniform(0, 4, (3, 5))]
    for norm in np.array([0.0]), *(np.array(case, np.float32) for case in cases):
        answer = penalty(norm)
        wrong = _compare(answer, np.mean(np.maximum(norm - 1, 0) ** 2), ())
        if answer is ... or wrong:
            _say(
                3,
                wrong,
                f"slopes {np.round(norm, 2).tolist()}",
                "The mean is over all samples, fined or not.",
            )
            return
    _say(3, "")


def check_parallel_fifths(count):
    """Check exercise 4: how often two voices move in the same direction from a fifth to a fifth.

    Parameters
    ----------
    count : callable
        ``count(upper, lower)`` with pitches int [step] of two voices.
    """
    rng = np.random.default_rng(0)
    cases = [
        ([67, 69], [60, 62], "both go up"),
        ([67, 67], [60, 60], "nobody moves"),
        ([67, 62], [60, 43], "both go down, the second fifth is an octave wider"),
        ([67, 69], [60, 50], "the voices go in opposite directions"),
        ([67, 69, 71], [60, 62, 64], "three fifths in a row"),
        ([72, 74], [60, 62], "octaves"),
        ([67, 67, 69], [60, 60, 62], "they are held, and then both move"),
    ]
    for _ in range(5):
        upper = 60 + rng.integers(0, 3, 40).cumsum() % 15
        cases.append(
            (upper, upper - FIFTH - OCTAVE * rng.integers(0, 2, 40) - rng.integers(0, 2, 40), "chance")
        )
    for upper, lower, what in cases:
        upper, lower = np.array(upper), np.array(lower)
        fifth = (upper - lower) % OCTAVE == FIFTH
        same_way = np.sign(np.diff(upper)) * np.sign(np.diff(lower)) > 0
        answer = count(upper, lower)
        wrong = _compare(answer, np.sum(fifth[1:] & fifth[:-1] & same_way), ())
        if answer is ... or wrong:
            heard = (
                f"{what}: {upper[:6].tolist()} above {lower[:6].tolist()}{' ...' if len(upper) > 6 else ''}"
            )
            _say(4, wrong, heard, "Both must move, the same way, from a fifth to a fifth.")
            return
    _say(4, "")


def _compare(answer, expected, axes):
    """Say in what an answer differs from what is expected: str, "" if in nothing, None if there is none."""
    if answer is ...:
        return None
    try:
        answer = np.asarray(answer, float)
    except (TypeError, ValueError):
        return f"numbers are wanted, not {type(answer).__name__}"
    if answer.shape != np.shape(expected):
        return f"the shape is {answer.shape}, and should be {np.shape(expected)}"
    difference = np.abs(answer - expected)
    if np.all(difference <= CLOSE):
        return ""
    worst = np.unravel_index(
        np.nanargmax(np.where(np.isnan(difference), np.inf, difference)), difference.shape
    )
    names = axes[len(axes) - len(worst) :]
    place = ", ".join(f"{axis} {index}" for axis, index in zip(names, worst, strict=True))
    return f"the largest difference is {difference[worst]:.4g}" + (f", at {place}" if place else "")


def _say(exercise, wrong, where="", hint=""):
    """Print a verdict: not answered (None), right (""), or what is wrong."""
    if wrong is None:
        print(f"Exercise {exercise}: not answered yet.")
    elif not wrong:
        print(f"Exercise {exercise}: right!")
    else:
        case = f" ({where})" if where else ""
        print(" ".join(filter(None, (f"Exercise {exercise}: not quite{case}: {wrong}.", hint))))

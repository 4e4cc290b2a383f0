"""Any part of held-out chorales given: how much of the rest is found, and how well it is led."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..arranger.takes import fill_rests, harmonize_given, how_heard
from ..music.grade import chorale_grade
from ..music.grid import STEPS_PER_BEAT, STEPS_PER_WINDOW, VOICES, onsets_of
from ..music.measures import parallels_per_note
from ..training.batches import load_windows
from .exam import as_json
from .rows import CORPUS, load_songs, nearest_window
from .tables import summarize, write
from .whole import in_windows, load_whole_songs, measure_whole, melody_of

SOPRANO, ALTO, TENOR, BASS = range(len(VOICES))
GIVEN_VOICES = {
    "soprano": [SOPRANO],
    "soprano and bass": [SOPRANO, BASS],
    "bass": [BASS],
    "soprano and alto": [SOPRANO, ALTO],
}
SHOWN_GIVEN = (
    "accuracy of the missing",
    "parallels per note",
    "parallels per 100 beats",
    "phrases end on a root-position triad",
    "authentic cadences",
    "sevenths resolved",
    "chorale grade",
)


def parts_given(chorale, seed=0):
    """List what may be given of a chorale.

    Parameters
    ----------
    chorale : Chorale
    seed : int
        Of the beats.

    Returns
    -------
    dict of str to bool array [step, voice=4]
        Whole voices; all voices in every second bar; all voices in a random half of the beats.
    """
    steps = len(chorale.grid)
    cases = {name: np.zeros((steps, len(VOICES)), bool) for name in GIVEN_VOICES}
    for name, voices in GIVEN_VOICES.items():
        cases[name][:, voices] = True
    step = np.arange(steps)
    bar = np.searchsorted(chorale.bars, step, side="right")
    beat = (step - chorale.bars[0]) // STEPS_PER_BEAT
    beat -= beat.min()
    drawn = np.random.default_rng(seed).random(beat.max() + 1) < 0.5
    for name, rows in {"every second bar": bar % 2 == 0, "half of the beats": drawn[beat]}.items():
        cases[name] = np.repeat(rows[:, None], len(VOICES), axis=1)
    return cases


def arrange_given(generator, chorale, known):
    """Write the missing part of a chorale, soberly.

    Parameters
    ----------
    generator : keras.Model
    chorale : Chorale
    known : bool array [step, voice=4]
        What is given; bars, key signature and the ends of phrases are given in any case.

    Returns
    -------
    int8 array [step, voice=4]
    """
    tune = SOPRANO if known[:, SOPRANO].any() else BASS
    melody = replace(melody_of(chorale), grid=chorale.grid[:, tune], onset=chorale.onset[:, tune])
    setting = how_heard(melody, tune, len(VOICES), len(known), generator)
    (take,) = harmonize_given(generator, fill_rests(chorale.grid, known), sober=1, **setting)
    return take.grid


def retrieve_given(chorale, known, training):
    """Copy the missing part of each two bars from the training window that is nearest in what is given.

    Parameters
    ----------
    chorale : Chorale
    known : bool array [step, voice=4]
    training : int array [sample, step=32, voice=4]

    Returns
    -------
    int8 array [step, voice=4]
    """

    def fill(padded):
        begin = -int(chorale.bars[0]) % (4 * STEPS_PER_BEAT)
        rest = len(padded[0]) - begin - len(known)
        told = np.pad(known, ((begin, rest), (0, 0)), mode="edge")
        answers = []
        for start in range(0, len(told), STEPS_PER_WINDOW):
            part = slice(start, start + STEPS_PER_WINDOW)
            window = padded[0][part]
            answers.append(np.where(told[part], window, nearest_window(window, training, told[part])))
        return [np.concatenate(answers)]

    return in_windows(fill, [chorale])[0]


def evaluate_given(split, generator, others=None, say=print):
    """Measure what is written where any part of held-out chorales is given.

    Parameters
    ----------
    split : {"valid", "test"}
    generator : keras.Model
        That hears any part.
    others : dict of str to keras.Model, optional
        More generators under the same search, by the name of their row.
    say : callable
        Told which case is next.

    Returns
    -------
    dict
        By case what :func:`.evaluate` gives: "split", "songs" and "rows". "accuracy of the
        missing" counts the cells that were not given.
    """
    named, training = load_whole_songs(split), load_windows(CORPUS)
    chorales = list(named.values())
    reference = [(song, onsets_of(song)) for song in load_songs("train").values()]
    cases = [parts_given(chorale, seed) for seed, chorale in enumerate(chorales)]
    evaluations = {}
    for case in cases[0]:
        say(case)
        known = [each[case] for each in cases]
        both = list(zip(chorales, known, strict=True))
        answers = {
            "real Bach": [chorale.grid for chorale in chorales],
            "retrieval": [retrieve_given(chorale, told, training) for chorale, told in both],
        }
        for row, network in ((others or {}) | {"hears what is given": generator}).items():
            answers[row] = [arrange_given(network, chorale, told) for chorale, told in both]
        rows = {row: _measure(grids, chorales, known, reference) for row, grids in answers.items()}
        evaluations[case] = as_json(split, named, rows)
    return evaluations


def _measure(grids, chorales, known, reference):
    """Measure one row of a case: dict of str to array [song] or [song, 2]."""
    pieces = [(grid, onsets_of(grid)) for grid in grids]
    right = [grid == chorale.grid for grid, chorale in zip(grids, chorales, strict=True)]
    return {
        "accuracy of the missing": np.array(
            [cells[~told].mean() for cells, told in zip(right, known, strict=True)]
        ),
        "parallels per note": np.array([parallels_per_note(*piece) for piece in pieces]),
        "chorale grade": chorale_grade(pieces, reference)["grade"],
        **measure_whole(grids, chorales),
    }


def table_given(evaluations):
    """Write evaluations of several cases as one table in Markdown: a line for each case and row.

    Parameters
    ----------
    evaluations : dict
        Of :func:`evaluate_given`.

    Returns
    -------
    str
    """
    lines = [f"| given | | {' | '.join(SHOWN_GIVEN)} |", "|---" * (2 + len(SHOWN_GIVEN)) + "|"]
    for case, evaluation in evaluations.items():
        for row, answers in summarize(evaluation).items():
            cells = (write(name, answers[name][0]) for name in SHOWN_GIVEN)
            lines.append(f"| {case} | {row} | {' | '.join(cells)} |")
    return "\n".join(lines)

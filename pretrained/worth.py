"""What each price of the search is worth: ``python -m pretrained.worth`` leaves out one after the other.

The songs are those that the prices were fitted to (:mod:`pretrained.prices`): whole validation chorales, one
take of each. Nothing is fitted anew to what is left.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np

from pretrained.prices import BETWEEN, arrange, load_songs
from utils.arranger.between import FORBIDDEN
from utils.arranger.prices import FREE, Costs, without_prices
from utils.exam.exam import measure
from utils.exam.rows import load_songs as load_windows
from utils.exam.tables import write
from utils.exam.whole import measure_whole
from utils.music.grid import STEPS_PER_WINDOW

TAKE = 1  # of those of the songs: the first with noise
HELD = (0.0,) + (FORBIDDEN,) * (len(Costs().inner_shapes) - 1)
STILL = {"inner_shapes": HELD, "bass_shapes": HELD, "suspension": FORBIDDEN}  # no voice moves between beats
LEFT_OUT = (
    ("kinds",),
    ("inversions",),
    ("phrase_end", "cadence"),
    ("cadence",),
    ("phrase_end",),
    ("opening",),
    ("closing",),
    ("minor_ending",),
    ("minor_dominant",),
    ("leading_tone", "doubled_third"),
    ("late_leading_tone",),
    ("parallel",),
    ("crowd",),
    ("inner_moves", "bass_moves"),
    ("seventh",),
    ("stray_six_four",),
    ("roots",),
    ("contrary",),
    ("bass_stays",),
    ("inner_shapes", "bass_shapes"),
    ("wide",),
    ("clash",),
    ("together",),
    ("crossing", "spacing"),
)
SHOWN = (
    "phrases end on a root-position triad",
    "no cadence",
    "authentic cadences",
    "begins on the tonic",
    "ends on the tonic",
    "minor ends in major",
    "minor dominants",
    "sevenths resolved",
    "stray 6/4 per 100 beats",
    "incomplete triads",
    "triads without third",
    "doubled leading tones",
    "parallels per 100 beats",
    "parallels per note",
    "off-beat notes that pass",
    "off-beat neighbors",
    "bass runs per 10 bars",
    "bass stays over the bar line",
    "leaps",
    "sevenths and wide leaps per 100 moves",
    "chordal share",
    "notes alto",
    "chorale grade",
)


def leave_out():
    """List the searches to compare: dict of str to Costs, by what is left out."""
    costs = Costs()
    rows = {
        "nothing": costs,
        "all prices": without_prices(),
        "all prices and the second level": replace(without_prices(), **STILL),
        "the second level": replace(costs, **STILL),
        "the prices of the second level": replace(costs, **_free(BETWEEN)),
    }
    return rows | {", ".join(names): replace(costs, **_free(names)) for names in LEFT_OUT}


def _free(names):
    return {name: getattr(FREE, name) for name in names}


def measure_arranged(grids, songs, training):
    """Measure arrangements, those of whole chorales: dict of str to float.

    Parameters
    ----------
    grids : list of int array [step, voice=4]
    songs : list of prices.Song
    training : list of int array [step, voice=4]
        What the chorale grade compares with.
    """
    chorales = [song.chorale for song in songs]
    whole = [len(grid) // STEPS_PER_WINDOW * STEPS_PER_WINDOW for grid in grids]
    answers = [grid[:end] for grid, end in zip(grids, whole, strict=True)]
    bach = [chorale.grid[:end] for chorale, end in zip(chorales, whole, strict=True)]
    measured = measure(answers, bach, training) | measure_whole(grids, chorales)
    return {name: _mean(values) for name, values in measured.items()}


def _mean(values):
    """Average over songs; of counts, the share of all songs together."""
    if values.ndim == 1:
        return np.nanmean(values)
    part, whole = values.sum(axis=0)
    return part / whole if whole else np.nan


def main(arguments=None):
    """Print a line for each price that is left out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.parse_args(arguments)
    from utils.networks.store import load_shipped

    generator, _ = load_shipped()
    songs, training = load_songs(generator), list(load_windows("train").values())
    print("| left out | accuracy, mean | " + " | ".join(SHOWN) + " |")
    print("|---" * (2 + len(SHOWN)) + "|")
    rows = {"(Bach)": [song.chorale.grid for song in songs]}
    for name, costs in leave_out().items():
        rows[name] = arrange(songs, costs, TAKE)
    for name, grids in rows.items():
        found = measure_arranged(grids, songs, training)
        accuracy = np.mean([found[f"accuracy {voice}"] for voice in ("alto", "tenor", "bass")])
        print(
            f"| {name} | {accuracy:.3f} | " + " | ".join(write(shown, found[shown]) for shown in SHOWN) + " |"
        )


if __name__ == "__main__":
    main()

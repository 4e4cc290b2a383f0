"""An evaluation, summed up: means over songs with their uncertainty, and a table."""

from __future__ import annotations

import numpy as np
from scipy.stats import bootstrap

from .exam import LOWER_VOICES

RESAMPLES = 2000
CONFIDENCE = 0.95
# The measures that a figure should show.
SHOWN = (
    *(f"accuracy {voice}" for voice in LOWER_VOICES),
    "conditioning gap",
    "PCS",
    "chordal share",
    "parallels per note",
    "chorale grade",
    *(f"notes {voice}" for voice in LOWER_VOICES),
    "short notes",
    # Of whole chorales:
    "phrases end on a root-position triad",
    "authentic cadences",
    "no cadence",
    "voices move at phrase ends",
    "sevenths resolved",
    "parallels per 100 beats",
    "off-beat notes that pass",
    "bass runs per 10 bars",
)


def confidence(values):
    """Mean over songs, with a bootstrap interval that draws songs, not notes.

    Parameters
    ----------
    values : float [song] or [song, 2]
        NaN where there was nothing to measure. Of pairs, how many and of how many: their share is that of
        all songs together.

    Returns
    -------
    list of float
        The mean, or share, and the bounds of its 95% interval (percentile bootstrap, Efron 1979); all NaN
        without a value.
    """
    known = np.asarray(values, float)
    if known.ndim == 1:
        part, whole = known[np.isfinite(known)], np.ones(np.isfinite(known).sum())
    else:
        part, whole = known[known[:, 1] > 0].T
    if len(part) < 2 or np.ptp(part / whole) == 0:
        return [float(part.sum() / whole.sum()) if len(part) else np.nan] * 3
    interval = bootstrap(
        (part, whole),
        lambda part, whole, axis: part.sum(axis) / whole.sum(axis),
        paired=True,
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=0,
    ).confidence_interval
    return [float(part.sum() / whole.sum()), float(interval.low), float(interval.high)]


def summarize(evaluation):
    """Sum up an evaluation over its songs.

    Parameters
    ----------
    evaluation : dict
        Of :func:`evaluate`.

    Returns
    -------
    dict
        By row, then measure, what :func:`confidence` says; measures without a value are left out.
    """
    rows = {}
    for row, answers in evaluation["rows"].items():
        told = {name: confidence(values) for name, values in answers.items()}
        rows[row] = {name: numbers for name, numbers in told.items() if not np.isnan(numbers[0])}
    return rows


def table(summary, measures=None, intervals=True):
    """Write an evaluation as a table in Markdown: a line for each measure, a column for each row.

    Parameters
    ----------
    summary : dict
        Of :func:`summarize`.
    measures : sequence of str, optional
        Which, in which order; all by default. Those that no row has are left out.
    intervals : bool
        Whether to add the bounds of the intervals, in brackets.

    Returns
    -------
    str
    """
    found = dict.fromkeys(name for answers in summary.values() for name in answers)
    measures = [name for name in measures or found if name in found]
    lines = ["| | " + " | ".join(summary) + " |", "|---" * (len(summary) + 1) + "|"]
    for name in measures:
        cells = []
        for answers in summary.values():
            value, low, high = answers.get(name, [np.nan] * 3)
            interval = "" if low == high or not intervals else f" ({write(name, low)}-{write(name, high)})"
            cells.append("" if np.isnan(value) else f"{write(name, value)}{interval}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def table_recipes(results, recipes):
    """Write what recipes reach in the end, over several seeds, as a table in Markdown: a line a recipe.

    Parameters
    ----------
    results : dict
        By run, as ``pretrained/speedrun.json`` has them: "recipe" and "evaluations".
    recipes : dict of str to str
        By what to call it, a recipe as the results name it.

    Returns
    -------
    str
        Means, and in brackets the lowest and the highest of the seeds.
    """
    columns = {"alto": "accuracy alto", "tenor": "tenor", "bass": "bass", "gap": "conditioning gap"}
    columns |= {"chordal": "chordal share"}
    lines = [f"| | iterations | seeds | {' | '.join(columns.values())} |", "|---" * (3 + len(columns)) + "|"]
    for label, recipe in recipes.items():
        ends = [one["evaluations"][-1] for one in results.values() if one["recipe"] == recipe]
        cells = [label, f"{ends[0]['iteration']:,}", str(len(ends))]
        for figure in columns:
            values = [end[figure] for end in ends]
            cells.append(f"{np.mean(values):.2f} ({min(values):.2f}-{max(values):.2f})")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def write(name, value):
    """Write the value of a measure with as many digits as mean something: str."""
    digits = 4 if name == "parallels per note" else 1 if name.startswith("notes") else 2
    return f"{value:.{digits}f}"

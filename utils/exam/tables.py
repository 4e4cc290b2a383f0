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
)


def confidence(values):
    """Mean over songs, with a bootstrap interval that draws songs, not notes.

    Parameters
    ----------
    values : float [song]
        NaN where there was nothing to measure.

    Returns
    -------
    list of float
        The mean and the bounds of its 95% interval (percentile bootstrap, Efron 1979); all NaN without
        a value.
    """
    known = np.asarray(values, float)
    known = known[np.isfinite(known)]
    if len(known) < 2 or np.ptp(known) == 0:
        return [float(known.mean()) if len(known) else np.nan] * 3
    interval = bootstrap(
        (known,), np.mean, n_resamples=RESAMPLES, confidence_level=CONFIDENCE, method="percentile", rng=0
    ).confidence_interval
    return [float(known.mean()), float(interval.low), float(interval.high)]


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
    return {
        row: {name: confidence(values) for name, values in answers.items() if set(values) != {None}}
        for row, answers in evaluation["rows"].items()
    }


def table(summary, measures=None, intervals=True):
    """Write an evaluation as a table in Markdown: a line for each measure, a column for each row.

    Parameters
    ----------
    summary : dict
        Of :func:`summarize`.
    measures : sequence of str, optional
        Which, in which order; all by default.
    intervals : bool
        Whether to add the bounds of the intervals, in brackets.

    Returns
    -------
    str
    """
    measures = measures or dict.fromkeys(name for answers in summary.values() for name in answers)
    lines = ["| | " + " | ".join(summary) + " |", "|---" * (len(summary) + 1) + "|"]
    for name in measures:
        digits = 4 if name == "parallels per note" else 1 if name.startswith("notes") else 2
        cells = []
        for answers in summary.values():
            value, low, high = answers.get(name, [np.nan] * 3)
            interval = "" if low == high or not intervals else f" ({low:.{digits}f}-{high:.{digits}f})"
            cells.append("" if np.isnan(value) else f"{value:.{digits}f}{interval}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)

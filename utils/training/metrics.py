"""The three measures of the lesson, followed over a training run."""

from __future__ import annotations

import numpy as np

from ..music.counting import share
from ..music.roll_measures import (
    binarize,
    count_empty_bars,
    count_pitches,
    histogram_distance,
    share_in_scale,
)

GROUP_SIZE = 10  # samples, as many as the lesson measures at an iteration
GROUPS = 100
BAND = (5, 95)  # percentiles
LABELS = {
    "empty_bar_rate": "empty bar rate",
    "pitch_histogram_distance": "pitch histogram\ndistance (semitones)",
    "in_scale_ratio": "in-scale ratio\n(C major)",
}


class MetricsManager:
    """Follows the three measures of the lesson over a training run.

    Only counts are kept, so that the reference may come before or after the iterations.
    """

    def __init__(self):
        self.initialize()

    def initialize(self):
        """Forget all iterations and the reference."""
        self._counts = {}
        self._reference = None

    def append_metrics_for_iteration(self, pianoroll, iteration):
        """Count the samples of one iteration; given twice, the later count stays.

        Parameters
        ----------
        pianoroll : array [sample, step, pitch=128, track]
        iteration : int
        """
        self._counts[int(iteration)] = _count(pianoroll)

    def set_reference_metrics(self, pianoroll):
        """Count the real samples that every iteration is held against.

        Parameters
        ----------
        pianoroll : array [sample, step, pitch=128, track]
        """
        self._reference = _count(pianoroll)
        self._reference["band"] = _band(np.asarray(pianoroll), self._reference)

    def metrics(self):
        """Give the measures of all iterations.

        Returns
        -------
        dict
            "iteration" int [iteration], ascending; "empty_bar_rate", "pitch_histogram_distance",
            "in_scale_ratio" float [iteration, track]. Without a reference the distances are NaN.
        """
        rows = [_measure(self._counts[i], self._reference) for i in sorted(self._counts)]
        return {"iteration": np.array(sorted(self._counts), dtype=int)} | {
            name: np.array([row[name] for row in rows]) for name in LABELS
        }

    def reference_metrics(self):
        """Give the measures of the reference: dict of float [track], or None before it is set."""
        return self._reference and _measure(self._reference, self._reference)

    def state(self):
        """Give all that :meth:`from_state` needs: a dict of lists and integers, fit for JSON."""
        counts = [{"iteration": i, **self._counts[i]} for i in sorted(self._counts)]
        return {"counts": counts, "reference": self._reference}

    @classmethod
    def from_state(cls, state):
        """Rebuild a manager.

        Parameters
        ----------
        state : dict
            From :meth:`state`.

        Returns
        -------
        MetricsManager
        """
        manager = cls()
        for counts in state["counts"]:
            manager._counts[counts["iteration"]] = {k: v for k, v in counts.items() if k != "iteration"}
        manager._reference = state["reference"]
        return manager

    def reference_band(self):
        """Give the band in which the measures of real samples lie, where the reference allows one.

        Returns
        -------
        dict of float [2, track], or None
            The 5th and the 95th percentile over groups of ten samples, drawn from the reference: what
            chance alone does to a measure. None before there is a reference, and if that is small.
        """
        band = (self._reference or {}).get("band")
        return band and {name: np.array(edges) for name, edges in band.items()}

    def silences(self):
        """Find out which tracks fell silent, and when.

        Returns
        -------
        dict of int to (int, int)
            By track: the first and the last iteration at which half of its bars or more were empty.
        """
        silent = {}
        for iteration in sorted(self._counts):
            counts = self._counts[iteration]
            for track in np.flatnonzero(2 * np.array(counts["empty_bars"]) >= counts["bars"]).tolist():
                silent[track] = silent.get(track, (iteration,))[0], iteration
        return silent

    def plot_metrics(self, axes=None):
        """Draw the measures against the iterations: a row a measure, a column a track.

        Parameters
        ----------
        axes : array of matplotlib axes [3, track], optional
            Where to draw; a new figure by default.

        Returns
        -------
        array of axes or matplotlib.figure.Figure
            ``axes`` if they were given. A new figure comes closed, so that a notebook shows it once.

        Raises
        ------
        ValueError
            If there is no iteration yet.
        """
        from ..pictures import curves  # here, because measuring needs no pictures

        if not self._counts:
            raise ValueError("no metrics to plot yet: append_metrics_for_iteration comes first")
        return curves.plot_metrics(
            self.metrics(), LABELS, self.reference_metrics(), self.reference_band(), axes
        )


def _count(pianoroll):
    sounding = binarize(pianoroll)
    empty, bars = count_empty_bars(sounding)
    return {
        "empty_bars": empty.tolist(),
        "bars": bars,
        "pitch_histogram": count_pitches(sounding).tolist(),
    }


def _measure(counts, reference):
    histogram = np.array(counts["pitch_histogram"])
    target = np.array(reference["pitch_histogram"]) if reference else np.zeros_like(histogram)
    return {
        "empty_bar_rate": share(counts["empty_bars"], counts["bars"]),
        "pitch_histogram_distance": histogram_distance(histogram, target),
        "in_scale_ratio": share_in_scale(histogram[None], "C"),
    }


def _band(roll, reference):
    """Measure groups of real samples: dict of [2, track], the ends of the band; None if there are too few."""
    if len(roll) < 2 * GROUP_SIZE:
        return None
    rng = np.random.default_rng(0)
    groups = [_count(roll[rng.choice(len(roll), GROUP_SIZE, replace=False)]) for _ in range(GROUPS)]
    rows = [_measure(group, reference) for group in groups]
    return {name: np.percentile([row[name] for row in rows], BAND, axis=0).tolist() for name in LABELS}

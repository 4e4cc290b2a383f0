"""Measures of piano rolls: the three of the lesson, followed over a training run, and validity.

A roll is ``[..., step, pitch=128, track]`` and sounds where it is above 0, so that raw outputs are
binarised here. Leading axes are pooled: all samples are counted together. A share of nothing is NaN.
Measures of the music itself, on grids, are in ``harmony_utils``.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from scipy.stats import wasserstein_distance

PITCHES = 128
STEPS_PER_BAR = 16
GROUP_SIZE = 10  # samples, as many as the lesson measures at an iteration
GROUPS = 100
BAND = (5, 95)  # percentiles
NATURALS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
ACCIDENTALS = {"": 0, "#": 1, "b": -1}
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
LABELS = {
    "empty_bar_rate": "empty bar rate",
    "pitch_histogram_distance": "pitch histogram\ndistance (semitones)",
    "in_scale_ratio": "in-scale ratio\n(C major)",
}


def empty_bar_rate(roll, steps_per_bar=STEPS_PER_BAR):
    """Share of each track's bars in which nothing sounds; 0 for Bach.

    Parameters
    ----------
    roll : array [..., step, pitch=128, track]
    steps_per_bar : int

    Returns
    -------
    float [track]
        In 0..1; NaN without bars.

    Raises
    ------
    ValueError
        If the roll has another shape or its steps are not whole bars.
    """
    return _ratio(*_empty_bars(_sounding(roll), steps_per_bar))


def pitch_histogram_distance(roll, reference_roll):
    """1-Wasserstein distance between the pitch histograms of two rolls, track by track.

    A histogram counts the sounding cells of each MIDI pitch. The distance says how far the average cell
    would have to move.

    Parameters
    ----------
    roll, reference_roll : array [..., step, pitch=128, track]
        Of as many tracks; samples and steps may differ in number.

    Returns
    -------
    float [track]
        Semitones, at least 0; NaN where either track is silent.

    Raises
    ------
    ValueError
        If a roll has another shape or the tracks differ in number.
    """
    return _histogram_distance(_pitch_histogram(_sounding(roll)), _pitch_histogram(_sounding(reference_roll)))


def in_scale_ratio(roll, key="C"):
    """Share of each track's sounding cells whose pitch class lies in the scale.

    Parameters
    ----------
    roll : array [..., step, pitch=128, track]
    key : str or (tonic, mode)
        A note name ("C", "F#", "Bb") stands for its major scale; the mode is "major" or "minor"
        (natural). "best" takes for every sample the key that all its tracks together fit best: the scale
        consistency of Mogren (2016). Relative keys share their scale, so the 24 keys are 12 scales.

    Returns
    -------
    float [track]
        In 0..1; NaN for a silent track.

    Raises
    ------
    ValueError
        If the roll has another shape or the key is unknown.
    """
    cells = _by_pitch_class(_sounding(roll).sum(axis=1).swapaxes(1, 2))
    scales = _scales(key)
    best = (cells.sum(axis=1) @ scales.T).argmax(axis=1)
    inside = (cells * scales[best, None]).sum(axis=(0, 2))
    return _ratio(inside, cells.sum(axis=(0, 2)))


def monophony(roll):
    """Share of (step, track) at which exactly one pitch sounds; 1 for Bach.

    Parameters
    ----------
    roll : array [..., step, pitch=128, track]

    Returns
    -------
    float
        In 0..1; NaN without steps.
    """
    single = _sounding(roll).sum(axis=2) == 1
    return _ratio(single.sum(), single.size)


def melody_kept(roll, melody_roll):
    """Share of steps at which track 0 sounds just as in the melody; a rest must stay a rest.

    Parameters
    ----------
    roll, melody_roll : array [..., step, pitch=128, track]
        Of as many samples and steps; only track 0 is looked at.

    Returns
    -------
    float
        In 0..1; NaN without steps.

    Raises
    ------
    ValueError
        If samples or steps differ in number.
    """
    track, melody = _sounding(roll)[..., 0], _sounding(melody_roll)[..., 0]
    if track.shape != melody.shape:
        raise ValueError(
            f"the roll is {track.shape} and the melody {melody.shape} [sample, step, pitch]: "
            "compare a roll with the melody that it was made for"
        )
    kept = (track == melody).all(axis=2)
    return _ratio(kept.sum(), kept.size)


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
        from utils import display_utils  # here, because measuring needs no pictures

        if not self._counts:
            raise ValueError("no metrics to plot yet: append_metrics_for_iteration comes first")
        return display_utils.plot_metrics(
            self.metrics(), LABELS, self.reference_metrics(), self.reference_band(), axes
        )


metrics_manager = MetricsManager()


def _sounding(roll):
    """Binarise, with the leading axes as one: bool [sample, step, pitch, track]."""
    roll = np.asarray(roll)
    if roll.ndim < 3 or roll.shape[-2] != PITCHES:
        raise ValueError(
            f"expected a piano roll [sample, step, pitch={PITCHES}, track], found the shape {roll.shape}"
        )
    return roll.reshape(int(np.prod(roll.shape[:-3])), *roll.shape[-3:]) > 0


def _ratio(part, whole):
    with np.errstate(invalid="ignore"):  # 0 / 0: nothing to measure
        return np.true_divide(part, whole)


def _empty_bars(sounding, steps_per_bar=STEPS_PER_BAR):
    """Count the empty bars [track] and all bars."""
    samples, steps, _, tracks = sounding.shape
    bars, rest = divmod(steps, steps_per_bar)
    if rest:
        raise ValueError(f"{steps} steps are not whole bars of {steps_per_bar}: trim the roll or its bars")
    filled = sounding.any(axis=2).reshape(samples, bars, steps_per_bar, tracks).any(axis=2)
    return (~filled).sum(axis=(0, 1)), samples * bars


def _pitch_histogram(sounding):
    """Count the cells of each pitch: int [track, pitch]."""
    return sounding.sum(axis=(0, 1)).T


def _histogram_distance(counts, reference):
    if counts.shape != reference.shape:
        raise ValueError(f"{len(counts)} tracks cannot be compared with a reference of {len(reference)}")
    pitches = np.arange(PITCHES)
    return np.array(
        [
            wasserstein_distance(pitches, pitches, ours, theirs) if ours.any() and theirs.any() else np.nan
            for ours, theirs in zip(counts, reference, strict=True)
        ]
    )


def _by_pitch_class(counts):
    """Add the octaves up: [..., pitch] to [..., pitch class]."""
    return counts @ np.eye(12, dtype=int)[np.arange(PITCHES) % 12]


def _scales(key):
    """List the scales of a key, or of all: int [scale, pitch class], 1 inside."""
    if isinstance(key, str):
        key = [*product(range(12), SCALES)] if key == "best" else [(key, "major")]
    else:
        key = [key]
    scales = np.zeros((len(key), 12), dtype=int)
    for scale, (tonic, mode) in zip(scales, key, strict=True):
        try:
            root = NATURALS[tonic[0]] + ACCIDENTALS[tonic[1:]] if isinstance(tonic, str) else int(tonic)
            scale[(root + np.array(SCALES[mode])) % 12] = 1
        except (KeyError, IndexError):
            raise ValueError(
                f"unknown key {(tonic, mode)}: give a note name such as 'F#', (tonic, 'minor') or 'best'"
            ) from None
    return scales


def _count(pianoroll):
    sounding = _sounding(pianoroll)
    empty, bars = _empty_bars(sounding)
    return {
        "empty_bars": empty.tolist(),
        "bars": bars,
        "pitch_histogram": _pitch_histogram(sounding).tolist(),
    }


def _measure(counts, reference):
    histogram = np.array(counts["pitch_histogram"])
    target = np.array(reference["pitch_histogram"]) if reference else np.zeros_like(histogram)
    inside = (_by_pitch_class(histogram) * _scales("C")).sum(axis=1)
    return {
        "empty_bar_rate": _ratio(counts["empty_bars"], counts["bars"]),
        "pitch_histogram_distance": _histogram_distance(histogram, target),
        "in_scale_ratio": _ratio(inside, histogram.sum(axis=1)),
    }


def _band(roll, reference):
    """Measure groups of real samples: dict of [2, track], the ends of the band; None if there are too few."""
    if len(roll) < 2 * GROUP_SIZE:
        return None
    rng = np.random.default_rng(0)
    groups = [_count(roll[rng.choice(len(roll), GROUP_SIZE, replace=False)]) for _ in range(GROUPS)]
    rows = [_measure(group, reference) for group in groups]
    return {name: np.percentile([row[name] for row in rows], BAND, axis=0).tolist() for name in LABELS}

"""How far a piece is from Bach as a whole: the chorale grade."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from scipy.stats import wasserstein_distance

from .counting import count_parallels, find_intervals, find_notes, mark_pitch_classes
from .grid import REST, as_pitches
from .theory import CHORDS, KEY_PROFILES, find_chords, find_key

MODELESS = ("rhythm", "repetition", "parallels")  # components of the grade that know no mode


def chorale_grade(pieces, reference_pieces):
    """Grade pieces by their distance to Bach (Fang et al. 2020, "Bach or Mock?"); lower is better.

    The sum of nine Wasserstein distances between histograms of the piece and of the pooled reference:
    degrees, durations, chord qualities, intervals of the four voices, parallels, repeated passages.
    Categories stand as far apart as their ranks by frequency in the reference; only the lengths of
    repeated passages keep their own distance, in steps. Degrees, qualities and intervals are held against
    the reference in the same mode, if it has any. The distance of the parallels (fifths against octaves
    and unisons) is multiplied by their rate over the reference's. So many parallels in Bach's proportion
    cost nothing: report :func:`parallels_per_note` beside the grade. Short pieces have rougher
    histograms and grade worse: compare pieces of like length.

    The paper reads scores. Here, on a grid, pitches are not spelled, fermatas excuse no parallels, voices
    must move in one direction to be parallel, rests count as a degree but not as durations, and a chord
    is one of ``CHORDS`` or none.

    Parameters
    ----------
    pieces, reference_pieces : sequences of (grid, onset)
        int [step, voice] and bool [step, voice]; lengths may differ.

    Returns
    -------
    dict of float [piece]
        "note", "harmony", "interval 0" and on (one a voice), "rhythm", "repetition", "parallels", and
        their sum "grade". NaN where a voice has no interval; infinite where only the reference has no
        parallels. Without pieces, an empty grade alone.

    Raises
    ------
    ValueError
        If there is no reference, pieces differ in voices, or nothing sounds in a piece.
    """
    if not len(reference_pieces):
        raise ValueError("a grade compares with reference pieces: give at least one")
    voices = {np.shape(grid)[-1] for grid, _ in (*pieces, *reference_pieces)}
    if len(voices) > 1:
        raise ValueError(f"pieces of {sorted(voices)} voices: give pieces of as many voices as the reference")
    reference = [_profile(*piece) for piece in reference_pieces]
    everything = _pool([histograms for _, histograms in reference])
    targets = {}
    for mode in KEY_PROFILES:
        same_mode = [histograms for its_mode, histograms in reference if its_mode == mode]
        targets[mode] = everything | (_pool(same_mode) if same_mode else {})
        targets[mode] |= {name: everything[name] for name in MODELESS}

    components = defaultdict(list)
    for mode, histograms in (_profile(*piece) for piece in pieces):
        target = targets[mode]
        for name, histogram in histograms.items():
            if name == "parallels":
                distance = _parallels_distance(histograms, target)
            elif name == "repetition":
                distance = _length_distance(histogram, target[name])
            else:
                distance = _rank_distance(histogram, target[name])
            components[name].append(distance)
    components = {name: np.array(values) for name, values in components.items()}
    return components | {"grade": sum(components.values(), start=np.zeros(len(pieces)))}


def _profile(grid, onset):
    """Find the mode of a piece and its histograms, by name."""
    grid = as_pitches(grid)
    notes = find_notes(grid, onset)
    if not len(notes.pitch):
        raise ValueError(f"nothing sounds in a piece of {len(grid)} steps: leave it out of the grade")
    tonic, mode = find_key(mark_pitch_classes(grid).sum(axis=(0, 1)))
    voices = range(grid.shape[-1])
    return mode, {
        "note": _degree_histogram(grid, tonic),
        "harmony": _quality_histogram(grid, notes),
        **{f"interval {voice}": _interval_histogram(notes, voice) for voice in voices},
        "rhythm": np.bincount(notes.length),
        "repetition": _repetition_histogram(grid, notes),
        "parallels": count_parallels(grid),
    }


def _degree_histogram(grid, tonic):
    """Count the cells of the twelve degrees, and of rests last."""
    return np.bincount(np.where(grid == REST, 12, (grid - tonic) % 12).ravel(), minlength=13)


def _quality_histogram(grid, notes):
    """Count the chord qualities, non-chords last, wherever a voice begins a note."""
    return np.bincount(find_chords(grid)[np.unique(notes.start)] // 12, minlength=len(CHORDS) + 1)


def _interval_histogram(notes, voice):
    """Count the directed intervals of one voice, -127..127 semitones, repeated notes included."""
    voices, intervals = find_intervals(notes)
    return np.bincount(intervals[voices == voice] + 127, minlength=255)


def _repetition_histogram(grid, notes):
    """Count the passages that a voice sings more than once, by their length in steps.

    A passage is what two places of a voice share, from the first note on until they differ, if it has at
    least two notes. It counts as often as it occurs. Without any, length 0 counts once.
    """
    steps = len(grid)
    held, beyond = REST - 1, REST - 2
    passages = defaultdict(set)
    for voice in range(grid.shape[-1]):
        onsets = notes.start[notes.voice == voice]
        line = np.where(grid[:, voice] == REST, REST, held)
        line[onsets] = grid[onsets, voice]
        # Row d holds the line from step d + 1 on, so that a repetition is a run of equal steps in a row.
        ahead = np.append(line[1:], np.full(steps, beyond))
        equal = np.lib.stride_tricks.sliding_window_view(ahead, steps)[:-1] == line
        edges = np.diff(np.pad(equal, ((0, 0), (1, 1))).astype(np.int8))
        (lags, starts), ends = np.nonzero(edges == 1), np.nonzero(edges == -1)[1]
        first, after = np.searchsorted(onsets, starts), np.searchsorted(onsets, ends)
        several = after - first >= 2
        for start, end, lag in zip(onsets[first[several]], ends[several], lags[several] + 1, strict=True):
            passages[tuple(line[start:end])] |= {(voice, start), (voice, start + lag)}
    lengths = [len(passage) for passage, places in passages.items() for _ in places]
    return np.bincount(lengths or [0])


def _pool(profiles):
    return {name: sum(_padded([profile[name] for profile in profiles])) for name in profiles[0]}


def _padded(histograms):
    longest = max(map(len, histograms))
    return [np.pad(histogram, (0, longest - len(histogram))) for histogram in histograms]


def _rank_distance(histogram, reference):
    """Wasserstein distance of categories placed by their rank in the reference, its absentees last."""
    histogram, reference = _padded([histogram, reference])
    order = np.lexsort((histogram, -reference))
    order = order[(histogram + reference)[order] > 0]
    return _length_distance(histogram[order], reference[order])


def _length_distance(histogram, reference):
    """Wasserstein distance of two histograms over 0, 1, 2, ..; NaN if one of them is empty."""
    histogram, reference = _padded([histogram, reference])
    if not (histogram.any() and reference.any()):
        return np.nan
    places = np.arange(len(histogram))
    return wasserstein_distance(places, places, histogram, reference)


def _parallels_distance(histograms, target):
    """Rank distance, times the rate of parallels over the target's; the durations count the notes."""
    ours, theirs = histograms["parallels"], target["parallels"]
    if not ours.any():
        return 0.0
    if not theirs.any():
        return np.inf
    rate, expected = ours.sum() / histograms["rhythm"].sum(), theirs.sum() / target["rhythm"].sum()
    return rate / expected * _rank_distance(ours, theirs)

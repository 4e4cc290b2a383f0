"""Measures of the music, on grids: fit to the melody, harmony, voice leading.

A grid is ``int [..., step, voice]``: MIDI pitches, -1 = rest; a step is a sixteenth and voice 0 the melody.
Its ``onset`` is ``bool [..., step, voice]``, true where a note begins; a pitch that sounds without one
after a rest, another pitch or the window's edge begins a note too. Leading axes are pooled: all windows
are counted together. A share, rate or mean of nothing is NaN.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .counting import as_windows, count_parallels, find_intervals, find_notes, mark_pitch_classes, share
from .grid import REST, as_pitches
from .theory import CONSONANCE, FIFTH, NO_CHORD, OCTAVE, VOICE_RANGES, find_chords


def token_accuracy(grid: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Share of steps at which a lower voice sings the pitch of the reference, or rests with it.

    Parameters
    ----------
    grid, reference : int [..., step, voice]
        Of the same shape.

    Returns
    -------
    float [voice - 1]
        In 0..1: alto, tenor, bass. NaN without steps.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    grid, reference = as_pitches(grid), as_pitches(reference)
    if grid.shape != reference.shape:
        raise ValueError(f"the grid is {grid.shape} but its reference {reference.shape}: compare equals")
    same = grid == reference
    steps = tuple(range(same.ndim - 1))
    return share(same.sum(axis=steps), np.prod(same.shape[:-1]))[1:]


def pitch_consonance_score(grid: np.ndarray) -> float:
    """Pitch consonance score, PCS, of the lower voices with the melody (Yeh et al. 2020).

    Each sounding pair scores by its interval, melody minus note modulo 12: +1 for unison, thirds, fifth
    and sixths, 0 for the fourth, -1 for the others.

    Parameters
    ----------
    grid : int [..., step, voice]

    Returns
    -------
    float
        In -1..1; NaN without a sounding pair.
    """
    return _consonance(_meetings(*_melody_and_lower(grid)))


def conditioning_gap(grid: np.ndarray, piece: Sequence | None = None) -> float:
    """How much better the accompaniments fit their own melodies than those of other pieces.

    The PCS of the true pairs minus the PCS over every pair of a melody and an accompaniment from different
    pieces. Zero means that the melody is ignored. Exact: no pair is drawn by chance.

    Parameters
    ----------
    grid : int [sample, step, voice]
    piece : sequence [sample], optional
        The piece that each sample is from; each from its own by default.

    Returns
    -------
    float
        In -2..2; NaN with fewer than two pieces.
    """
    own, foreign = _encounters(grid, piece)
    return _consonance(own.sum(axis=0)) - _consonance(foreign.sum(axis=0))


def conditioning_gaps(grid, piece=None):
    """Tell the conditioning gap of each piece: its accompaniments under its own and under all other melodies.

    Parameters and errors as in :func:`conditioning_gap`.

    Returns
    -------
    float [piece]
        In -2..2, pieces in sorted order.
    """
    own, foreign = _encounters(grid, piece)
    return _consonance(own) - _consonance(foreign)


def chord_tone_ratio(grid, onset):
    """Chord tone to non-chord tone ratio of the melody, CTnCTR (Yeh et al. 2020).

    (chord tones + proper non-chord tones) / (chord tones + non-chord tones), in melody notes. The chord is
    the pitch classes of the lower voices at the note's beginning. A non-chord tone is proper if the next
    melody note is at most two semitones away.

    Parameters
    ----------
    grid : int [..., step, voice]
    onset : bool [..., step, voice]

    Returns
    -------
    float
        In 0..1; NaN without a melody note over a sounding voice.
    """
    grid = as_pitches(grid)
    notes = find_notes(grid[..., :1], np.asarray(onset)[..., :1])
    lower = as_windows(grid)[notes.window, notes.start, 1:]
    accompanied = (lower != REST).any(axis=1)
    chord_tone = ((lower != REST) & ((lower - notes.pitch[:, None]) % OCTAVE == 0)).any(axis=1)
    resolved = (np.diff(notes.window) == 0) & (np.abs(np.diff(notes.pitch)) <= 2)
    proper = np.append(resolved, False)[: len(chord_tone)]
    return share((accompanied & (chord_tone | proper)).sum(), accompanied.sum())


def diversity(grids: np.ndarray) -> float:
    """How much the takes of one melody differ: mean pairwise disagreement of the lower voices.

    Parameters
    ----------
    grids : int [take, ..., step, voice]

    Returns
    -------
    float
        Share of cells, 0..1; 0 is collapse. NaN with fewer than two takes.
    """
    lower = as_pitches(grids)[..., 1:]
    pairs = np.transpose(np.triu_indices(len(lower), 1))
    differing = sum(np.count_nonzero(lower[one] != lower[other]) for one, other in pairs)
    return share(differing, len(pairs) * lower[:1].size)


def chordal_share(grid: np.ndarray) -> float:
    """Share of the sounding steps whose pitch classes all belong to one of ``CHORDS``.

    Parameters
    ----------
    grid : int [..., step, voice]

    Returns
    -------
    float
        In 0..1; NaN if nothing sounds.
    """
    counts = chord_histogram(grid)
    return share(counts[:NO_CHORD].sum(), counts.sum())


def chord_histogram(grid):
    """Count the sounding steps of every chord.

    An incomplete chord counts as the first of ``CHORDS`` that contains it, on the root that is the bass
    (the lowest pitch) or next above it.

    Parameters
    ----------
    grid : int [..., step, voice]

    Returns
    -------
    int [109]
        At 12 * quality + root, qualities in the order of ``CHORDS`` and roots as pitch classes, and last
        what is no chord. All 0 for silence.
    """
    chords = find_chords(grid)
    return np.bincount(chords[chords != REST], minlength=NO_CHORD + 1)


def chord_histogram_entropy(grid):
    """Entropy of the chord histogram without its non-chords (Yeh et al. 2020); low means dull.

    Parameters
    ----------
    grid : int [..., step, voice]

    Returns
    -------
    float
        In nats, 0..ln 108; NaN without a chord.
    """
    counts = chord_histogram(grid)[:NO_CHORD]
    share = counts[counts > 0] / max(counts.sum(), 1)
    return -(share * np.log(share)).sum() if len(share) else np.nan


def parallels_per_note(grid: np.ndarray, onset: np.ndarray) -> float:
    """Consecutive perfect fifths, octaves and unisons, per note.

    Two voices move in the same direction from a fifth to a fifth, an octave to an octave or a unison to a
    unison, compound intervals included: ``VoiceLeadingQuartet.parallelMotion`` of music21.

    Parameters
    ----------
    grid : int [..., step, voice]
    onset : bool [..., step, voice]

    Returns
    -------
    float
        At least 0; NaN without notes.
    """
    grid = as_pitches(grid)
    return share(count_parallels(grid).sum(), len(find_notes(grid, onset).pitch))


def crossing_rate(grid):
    """Share of (step, adjacent pair of sounding voices) with the upper below the lower.

    Parameters
    ----------
    grid : int [..., step, voice]

    Returns
    -------
    float
        In 0..1; NaN without a sounding pair.
    """
    distance, pairs = _adjacent(as_pitches(grid))
    return share((pairs & (distance < 0)).sum(), pairs.sum())


def spacing_rate(grid):
    """Share of (step, adjacent pair of sounding voices) over an octave apart, the lowest voice left out.

    Parameters
    ----------
    grid : int [..., step, voice]

    Returns
    -------
    float
        In 0..1; NaN without a sounding pair.
    """
    distance, pairs = _adjacent(as_pitches(grid)[..., :-1])
    return share((pairs & (np.abs(distance) > OCTAVE)).sum(), pairs.sum())


def range_rate(grid, onset, ranges=VOICE_RANGES):
    """Share of the notes outside the range of their voice.

    Parameters
    ----------
    grid : int [..., step, voice]
    onset : bool [..., step, voice]
    ranges : sequence [voice] of (lowest, highest)
        MIDI pitches, both within.

    Returns
    -------
    float
        In 0..1; NaN without notes.

    Raises
    ------
    ValueError
        If there is not one range a voice.
    """
    grid = as_pitches(grid)
    if len(ranges) != grid.shape[-1]:
        raise ValueError(f"{grid.shape[-1]} voices but {len(ranges)} ranges: give one a voice")
    notes = find_notes(grid, onset)
    lowest, highest = np.array(ranges)[notes.voice].T
    return share(((notes.pitch < lowest) | (notes.pitch > highest)).sum(), len(notes.pitch))


def leap_rate(grid, onset):
    """Share of the melodic moves of the lower voices that are larger than a fifth.

    A move leads to another pitch with no rest between.

    Parameters
    ----------
    grid : int [..., step, voice]
    onset : bool [..., step, voice]

    Returns
    -------
    float
        In 0..1; NaN without moves.
    """
    voice, interval = find_intervals(find_notes(as_pitches(grid), onset))
    moves = np.abs(interval[(voice > 0) & (interval != 0)])
    return share((moves > FIFTH).sum(), len(moves))


def short_note_rate(grid, onset):
    """Share of the notes, melody included, that last one step; high means fragmented.

    Parameters
    ----------
    grid : int [..., step, voice]
    onset : bool [..., step, voice]

    Returns
    -------
    float
        In 0..1; NaN without notes.
    """
    length = find_notes(as_pitches(grid), onset).length
    return share((length == 1).sum(), len(length))


def notes_per_window(grid, onset):
    """Mean number of notes of each voice in a window; repeated notes count each.

    Parameters
    ----------
    grid : int [..., step, voice]
    onset : bool [..., step, voice]

    Returns
    -------
    float [voice]
        At least 0; NaN without windows.
    """
    grid = as_pitches(grid)
    counts = np.bincount(find_notes(grid, onset).voice, minlength=grid.shape[-1])
    return share(counts, np.prod(grid.shape[:-2]))


def _melody_and_lower(grid):
    """Count the pitch classes of the melody and of the lower voices: int [..., step, pitch class] each."""
    classes = mark_pitch_classes(as_pitches(grid))
    return classes[..., 0, :], classes[..., 1:, :].sum(axis=-2)


def _meetings(melody, lower):
    """Count how often melody pitch class (row) and lower pitch class (column) sound together."""
    return melody.reshape(-1, 12).T @ lower.reshape(-1, 12)


def _encounters(grid, piece):
    """Meetings of each piece's accompaniments with its own and all others' melodies: [piece, 12, 12] each."""
    melody, lower = _melody_and_lower(grid)
    if melody.ndim != 3:
        raise ValueError(f"expected a grid [sample, step, voice], found the shape {np.shape(grid)}")
    labels = np.arange(len(melody)) if piece is None else np.unique(piece, return_inverse=True)[1]
    own, foreign = np.zeros((2, labels.max(initial=0) + 1, 12, 12), dtype=int)
    everybody = melody.sum(axis=0)
    for label in range(len(own)):
        mine = labels == label
        # Scores add up: sums over the samples tell the same as all the pairs, in linear time.
        others, accompaniment = everybody - melody[mine].sum(axis=0), lower[mine].sum(axis=0)
        own[label] = _meetings(melody[mine], lower[mine])
        foreign[label] = _meetings(others, accompaniment)
    return own, foreign


def _consonance(meetings):
    scores = CONSONANCE[np.subtract.outer(np.arange(12), np.arange(12)) % 12]
    return share((meetings * scores).sum(axis=(-2, -1)), meetings.sum(axis=(-2, -1)))


def _adjacent(grid):
    """Distances of adjacent voices, the upper minus the lower, and where both sound."""
    upper, lower = grid[..., :-1], grid[..., 1:]
    return upper - lower, (upper != REST) & (lower != REST)

"""Measures of the music, on grids: fit to the melody, harmony, voice leading, distance to Bach.

A grid is ``int [..., step, voice]``: MIDI pitches, -1 = rest; a step is a sixteenth and voice 0 the melody.
Its ``onset`` is ``bool [..., step, voice]``, true where a note begins; a pitch that sounds without one
after a rest, another pitch or the window's edge begins a note too. Leading axes are pooled: all windows
are counted together. A share, rate or mean of nothing is NaN.
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import numpy as np
from scipy.stats import wasserstein_distance

REST = -1
OCTAVE = 12
FIFTH = 7
VOICE_RANGES = ((57, 81), (53, 74), (48, 69), (36, 64))
CONSONANCE = np.array([1, -1, -1, 1, 1, 0, -1, 1, 1, 1, -1, -1])  # of 0..11 semitones (Yeh et al. 2020)
CHORDS = {
    "major": (0, 4, 7),
    "minor": (0, 3, 7),
    "diminished": (0, 3, 6),
    "augmented": (0, 4, 8),
    "dominant seventh": (0, 4, 7, 10),
    "minor seventh": (0, 3, 7, 10),
    "major seventh": (0, 4, 7, 11),
    "half-diminished seventh": (0, 3, 6, 10),
    "diminished seventh": (0, 3, 6, 9),
}
NO_CHORD = 12 * len(CHORDS)
# How often each degree sounds, from the tonic up (Aarden 2003, Essen folk songs): music21's own choice.
KEY_PROFILES = {
    "major": (17.77, 0.15, 14.93, 0.16, 19.80, 11.36, 0.29, 22.06, 0.15, 8.15, 0.23, 4.95),
    "minor": (18.26, 0.74, 14.05, 16.86, 0.70, 14.44, 0.70, 18.62, 4.57, 1.93, 7.38, 1.76),
}
MODELESS = ("rhythm", "repetition", "parallels")  # components of the grade that know no mode


def voice_ranges(voices):
    """Give the lowest and highest pitch that each of some voices can sing.

    Parameters
    ----------
    voices : int
        At least 2.

    Returns
    -------
    tuple of (int, int)
        MIDI pitches, both within; of soprano, alto, tenor and bass, or, of another number, spread evenly
        from soprano to bass.
    """
    places = np.linspace(0, len(VOICE_RANGES) - 1, voices)
    bounds = [np.interp(places, range(len(VOICE_RANGES)), bound) for bound in zip(*VOICE_RANGES, strict=True)]
    return tuple((round(low), round(high)) for low, high in zip(*bounds, strict=True))


# --- Does it follow the melody? ---


def token_accuracy(grid, reference, modulo_octave=False):
    """Share of steps at which a lower voice sings the pitch of the reference, or rests with it.

    Parameters
    ----------
    grid, reference : int [..., step, voice]
        Of the same shape.
    modulo_octave : bool
        Whether the pitch class is enough.

    Returns
    -------
    float [voice - 1]
        In 0..1: alto, tenor, bass. NaN without steps.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    grid, reference = _pitches(grid), _pitches(reference)
    if grid.shape != reference.shape:
        raise ValueError(f"the grid is {grid.shape} but its reference {reference.shape}: compare equals")
    same = grid == reference
    if modulo_octave:
        same |= (grid != REST) & (reference != REST) & ((grid - reference) % OCTAVE == 0)
    steps = tuple(range(same.ndim - 1))
    return _ratio(same.sum(axis=steps), np.prod(same.shape[:-1]))[1:]


def pitch_consonance_score(grid):
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


def conditioning_gap(grid, piece=None):
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
    grid = _pitches(grid)
    notes = _notes(grid[..., :1], np.asarray(onset)[..., :1])
    lower = _windows(grid)[notes.window, notes.start, 1:]
    accompanied = (lower != REST).any(axis=1)
    chord_tone = ((lower != REST) & ((lower - notes.pitch[:, None]) % OCTAVE == 0)).any(axis=1)
    resolved = (np.diff(notes.window) == 0) & (np.abs(np.diff(notes.pitch)) <= 2)
    proper = np.append(resolved, False)[: len(chord_tone)]
    return _ratio((accompanied & (chord_tone | proper)).sum(), accompanied.sum())


def diversity(grids):
    """How much the takes of one melody differ: mean pairwise disagreement of the lower voices.

    Parameters
    ----------
    grids : int [take, ..., step, voice]

    Returns
    -------
    float
        Share of cells, 0..1; 0 is collapse. NaN with fewer than two takes.
    """
    lower = _pitches(grids)[..., 1:]
    pairs = np.transpose(np.triu_indices(len(lower), 1))
    differing = sum(np.count_nonzero(lower[one] != lower[other]) for one, other in pairs)
    return _ratio(differing, len(pairs) * lower[:1].size)


# --- Is the harmony right? ---


def chordal_share(grid):
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
    return _ratio(counts[:NO_CHORD].sum(), counts.sum())


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


def chord_coverage(grid):
    """Count the different chords, non-chords left out (Yeh et al. 2020); low means dull.

    Parameters
    ----------
    grid : int [..., step, voice]

    Returns
    -------
    int
        In 0..108; 0 without a chord.
    """
    return int(np.count_nonzero(chord_histogram(grid)[:NO_CHORD]))


# --- Is the voice leading right? ---


def parallels_per_note(grid, onset):
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
    grid = _pitches(grid)
    return _ratio(_parallels(grid).sum(), len(_notes(grid, onset).pitch))


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
    distance, pairs = _adjacent(_pitches(grid))
    return _ratio((pairs & (distance < 0)).sum(), pairs.sum())


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
    distance, pairs = _adjacent(_pitches(grid)[..., :-1])
    return _ratio((pairs & (np.abs(distance) > OCTAVE)).sum(), pairs.sum())


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
    grid = _pitches(grid)
    if len(ranges) != grid.shape[-1]:
        raise ValueError(f"{grid.shape[-1]} voices but {len(ranges)} ranges: give one a voice")
    notes = _notes(grid, onset)
    lowest, highest = np.array(ranges)[notes.voice].T
    return _ratio(((notes.pitch < lowest) | (notes.pitch > highest)).sum(), len(notes.pitch))


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
    voice, interval = _intervals(_notes(_pitches(grid), onset))
    moves = np.abs(interval[(voice > 0) & (interval != 0)])
    return _ratio((moves > FIFTH).sum(), len(moves))


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
    length = _notes(_pitches(grid), onset).length
    return _ratio((length == 1).sum(), len(length))


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
    grid = _pitches(grid)
    counts = np.bincount(_notes(grid, onset).voice, minlength=grid.shape[-1])
    return _ratio(counts, np.prod(grid.shape[:-2]))


# --- How far from Bach as a whole? ---


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
    grid = _pitches(grid)
    notes = _notes(grid, onset)
    if not len(notes.pitch):
        raise ValueError(f"nothing sounds in a piece of {len(grid)} steps: leave it out of the grade")
    tonic, mode = find_key(_by_pitch_class(grid).sum(axis=(0, 1)))
    voices = range(grid.shape[-1])
    return mode, {
        "note": _degree_histogram(grid, tonic),
        "harmony": _quality_histogram(grid, notes),
        **{f"interval {voice}": _interval_histogram(notes, voice) for voice in voices},
        "rhythm": np.bincount(notes.length),
        "repetition": _repetition_histogram(grid, notes),
        "parallels": _parallels(grid),
    }


def find_key(counts):
    """Find the tonic and mode whose profile the pitch classes follow best (Krumhansl and Schmuckler).

    Parameters
    ----------
    counts : float [pitch class=12]
        How long each sounds, in any unit.

    Returns
    -------
    tonic : int
        In 0..11.
    mode : {"major", "minor"}
    """
    fits = {}
    for mode, profile in KEY_PROFILES.items():
        standard = (np.array(profile) - np.mean(profile)) / np.std(profile)
        for tonic in range(12):
            fits[tonic, mode] = np.roll(standard, tonic) @ counts
    return max(fits, key=fits.get)


def _degree_histogram(grid, tonic):
    """Count the cells of the twelve degrees, and of rests last."""
    return np.bincount(np.where(grid == REST, 12, (grid - tonic) % 12).ravel(), minlength=13)


def _quality_histogram(grid, notes):
    """Count the chord qualities, non-chords last, wherever a voice begins a note."""
    return np.bincount(find_chords(grid)[np.unique(notes.start)] // 12, minlength=len(CHORDS) + 1)


def _interval_histogram(notes, voice):
    """Count the directed intervals of one voice, -127..127 semitones, repeated notes included."""
    voices, intervals = _intervals(notes)
    return np.bincount(intervals[voices == voice] + 127, minlength=255)


def _repetition_histogram(grid, notes):
    """Count the passages that a voice sings more than once, by their length in steps.

    A passage is what two places of a voice share, from the first note on until they differ, if it has at
    least two notes. It counts as often as it is sung. Without any, length 0 counts once.
    """
    steps = len(grid)
    held, beyond = REST - 1, REST - 2
    sung = defaultdict(set)
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
            sung[tuple(line[start:end])] |= {(voice, start), (voice, start + lag)}
    lengths = [len(passage) for passage, places in sung.items() for _ in places]
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


# --- What the measures share ---


class _Notes(NamedTuple):
    """Notes in order of window, voice and time, one array each."""

    window: np.ndarray
    voice: np.ndarray
    start: np.ndarray  # in steps
    length: np.ndarray  # in steps
    pitch: np.ndarray


def _pitches(grid):
    """Widen a grid, since int8 overflows in arithmetic."""
    grid = np.asarray(grid)
    if grid.ndim < 2 or grid.dtype.kind not in "iu":
        raise ValueError(
            f"expected a grid of integers [..., step, voice], found {grid.dtype} {grid.shape}: "
            "turn a piano roll into a grid first"
        )
    return grid.astype(int)


def _windows(array):
    """Pool the leading axes: [window, step, voice]."""
    return array.reshape(int(np.prod(array.shape[:-2])), *array.shape[-2:])


def _ratio(part, whole):
    with np.errstate(invalid="ignore"):  # 0 / 0: nothing to measure
        return np.true_divide(part, whole)


def _notes(grid, onset):
    onset = np.asarray(onset, dtype=bool)
    if onset.shape != grid.shape:
        raise ValueError(f"the grid is {grid.shape} and its onsets {onset.shape}: they belong together")
    line, onset = _windows(grid).swapaxes(1, 2), _windows(onset).swapaxes(1, 2)
    before = np.roll(line, 1, axis=2)
    before[..., :1] = REST
    sounding = line != REST
    begins = sounding & (onset | (line != before))
    goes_on = np.roll(sounding & ~begins, -1, axis=2)  # step 0, which comes round last, always begins
    window, voice, start = np.nonzero(begins)
    last = np.nonzero(sounding & ~goes_on)[2]
    return _Notes(window, voice, start, last - start + 1, line[window, voice, start])


def _intervals(notes):
    """List the voices and directed intervals between notes that follow each other without a rest."""
    follows = (
        (np.diff(notes.window) == 0)
        & (np.diff(notes.voice) == 0)
        & (notes.start[1:] == (notes.start + notes.length)[:-1])
    )
    return notes.voice[1:][follows], np.diff(notes.pitch)[follows]


def _by_pitch_class(grid):
    """Mark the pitch class: int [..., voice, pitch class], all 0 for a rest."""
    sounds = (grid % OCTAVE)[..., None] == np.arange(12)
    return (sounds & (grid != REST)[..., None]).astype(int)


def _melody_and_lower(grid):
    """Count the pitch classes of the melody and of the lower voices: int [..., step, pitch class] each."""
    classes = _by_pitch_class(_pitches(grid))
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
    return _ratio((meetings * scores).sum(axis=(-2, -1)), meetings.sum(axis=(-2, -1)))


def _adjacent(grid):
    """Distances of adjacent voices, the upper minus the lower, and where both sound."""
    upper, lower = grid[..., :-1], grid[..., 1:]
    return upper - lower, (upper != REST) & (lower != REST)


def _parallels(grid):
    """Count the parallel fifths, and the parallel octaves and unisons."""
    upper, lower = np.triu_indices(grid.shape[-1], 1)
    before, after = grid[..., :-1, :], grid[..., 1:, :]
    motion = np.sign(after - before) * (before != REST) * (after != REST)
    together = motion[..., upper] * motion[..., lower] > 0
    interval = np.abs(grid[..., upper] - grid[..., lower])
    # An octave after a unison is no parallel: only compounds of the same interval are.
    kind = np.where(interval > 0, interval % OCTAVE, -1)
    parallel = kind[..., 1:, :][together & (kind[..., 1:, :] == kind[..., :-1, :])]
    return np.array([(parallel == FIFTH).sum(), (parallel <= 0).sum()])


def _chord_table():
    """Name every set of pitch classes above the bass, given as 12 bits: 12 * quality + root, or NO_CHORD."""
    chords = [
        sum(1 << (root + tone) % 12 for tone in tones) for tones in CHORDS.values() for root in range(12)
    ]
    contained = (np.arange(1 << 12)[:, None] & ~np.array(chords)) == 0
    return np.where(contained.any(axis=1), contained.argmax(axis=1), NO_CHORD)


CHORD_OF = _chord_table()


def find_chords(grid):
    """Name the chord of each step.

    Parameters
    ----------
    grid : int array [..., step, voice]

    Returns
    -------
    int [..., step]
        12 * quality + root as in :func:`chord_histogram`, ``NO_CHORD``, or REST for silence.
    """
    grid = _pitches(grid)
    sounding = grid != REST
    bass = np.where(sounding, grid, np.iinfo(int).max).min(axis=-1)
    tones = np.where(sounding, 1 << (grid - bass[..., None]) % 12, 0)
    chord = CHORD_OF[np.bitwise_or.reduce(tones, axis=-1)]
    chord = np.where(chord == NO_CHORD, chord, chord - chord % 12 + (chord + bass) % 12)
    return np.where(sounding.any(axis=-1), chord, REST)

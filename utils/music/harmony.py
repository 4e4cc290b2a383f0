"""Whether the harmony is right, from beat to beat: inversions, doublings, resolutions, parallels."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from .beats import (
    HAS_THIRD,
    IS_COMPLETE,
    IS_DOMINANT,
    IS_MINOR,
    IS_TRIAD,
    NAMES,
    SEVENTH_OF,
    chords_of_beats,
    find_beats,
    name_chords,
)
from .grid import REST
from .theory import OCTAVE, parallels, perfect_intervals

IS_MINOR_SEVENTH = np.array([name.startswith("minor seventh") for name in NAMES] + [False])
PER_BEATS = 100
WHOLE_TONE = 2


def measure_harmony(hearing):
    """Count what a teacher marks in the chords of the beats.

    Parameters
    ----------
    hearing : Hearing

    Returns
    -------
    dict of str to (float, float)
        By measure, how many and of how many; what is told per 100 beats, of hundreds of beats.
    """
    chords = hearing.by_beat
    kind, above = chords.kind, (chords.bass - chords.root) % OCTAVE
    triads, found = IS_TRIAD[kind], chords.found
    hundreds = len(kind) / PER_BEATS
    to_first = leads_to_first(chords)
    dominants = IS_DOMINANT[kind] & (to_first | (chords.root == (hearing.tonic + 7) % OCTAVE))
    third = _sounding(hearing, (chords.root + 4) % OCTAVE)
    resolved = sevenths_resolve(hearing)
    fifths = (chords.root == (hearing.tonic + 7) % OCTAVE) & (hearing.mode == "minor")
    minor = fifths & (IS_MINOR | IS_MINOR_SEVENTH)[kind]
    perfect = parallels_between_beats(hearing)
    return {
        "sevenths resolved": (resolved.sum(), len(resolved)),
        "stray 6/4 per 100 beats": (stray_six_four(hearing).sum(), hundreds),
        "incomplete triads": ((triads & ~IS_COMPLETE[kind]).sum(), triads.sum()),
        "triads without third": ((triads & ~HAS_THIRD[kind]).sum(), triads.sum()),
        "doubled leading tones": ((dominants & (third.sum(axis=1) > 1)).sum(), dominants.sum()),
        "root position": ((found & (above == 0)).sum(), found.sum()),
        "first inversion": ((found & np.isin(above, (3, 4))).sum(), found.sum()),
        "V to I per beat": (to_first.sum(), len(kind)),
        "minor dominants": (minor.sum(), (minor | (fifths & IS_DOMINANT[kind])).sum()),
        "parallels per 100 beats": (perfect.sum(), hundreds),
        "parallels of the outer voices per 100 beats": (perfect[:, -1].sum(), hundreds),
    }


def root_diversity(takes):
    """How much the harmonies of several takes of one melody differ: how often a beat has another root.

    Parameters
    ----------
    takes : list [take] of int array [step, voice]
        They begin with a beat.

    Returns
    -------
    float
        Share of beats, 0..1, mean over pairs of takes; a beat without a chord has a root of its own. NaN with
        fewer than two takes. Two of Bach's own settings of one tune: .38 (``pretrained/EXPERIMENTS.md``).
    """
    roots = [roots_of_beats(grid) for grid in takes]
    pairs = [np.mean(one != other) for one, other in combinations(roots, 2)]
    return float(np.mean(pairs)) if pairs else np.nan


def roots_of_beats(grid, bars=()):
    """Name the root of each beat: int array of pitch classes, NONE where there is no chord.

    Parameters
    ----------
    grid : int array [step, voice]
    bars : int array [bar]
        As for :func:`.find_beats`.
    """
    return chords_of_beats(name_chords(grid), find_beats(len(grid), bars)).root


def leads_to_first(chords):
    """Tell which chords are a V or V7, in whatever key, whose I is next: bool [chord]."""
    falls = np.zeros(len(chords.kind), bool)
    falls[:-1] = (chords.root[:-1] - chords.root[1:]) % OCTAVE == 7
    falls[:-1] &= chords.found[1:]
    return falls & IS_DOMINANT[chords.kind]


def sevenths_resolve(hearing):
    """Tell which of the lower voices' sevenths go down by a step: bool [note].

    A note counts once, however many beats it is the seventh of; repetitions do not count as going.
    """
    chords = hearing.by_beat
    seventh = SEVENTH_OF[chords.kind]
    sounding = _sounding(hearing, (chords.root + seventh) % OCTAVE) & (seventh > 0)[:, None]
    notes = np.unique(hearing.note_at[chords.step][:, 1:][sounding[:, 1:]])
    return np.isin(hearing.lines.after[notes], (-1, -WHOLE_TONE))


def stray_six_four(hearing):
    """Tell which beats have a triad in second inversion that nothing explains: bool [beat].

    It is explained by a bass that is held into or out of the beat, that passes through by step, or over
    which the chord on the bass itself follows (cadential).
    """
    chords, lines = hearing.by_beat, hearing.lines
    beats = np.flatnonzero(
        IS_TRIAD[chords.kind] & HAS_THIRD[chords.kind] & ((chords.bass - chords.root) % OCTAVE == 7)
    )
    note = _lowest_note(hearing, chords.step[beats])
    begin = hearing.beats[beats]
    end = np.append(hearing.beats, len(hearing.grid))[beats + 1]
    held = (lines.start[note] < begin) | (lines.start[note] + lines.length[note] > end)
    before, after = lines.before[note], lines.after[note]
    steps = (np.abs(before) <= WHOLE_TONE) & (np.abs(after) <= WHOLE_TONE)
    passing = steps & (before * after > 0)
    # A chord on the bass: what sounds later in this beat, or the next beat's.
    on_bass = np.append(hearing.by_step.in_root_position, False)
    root = np.append(hearing.by_step.root, REST)
    later = chords.step[beats][:, None] + np.arange(4)
    later = np.where(later < end[:, None], later, len(hearing.grid))
    cadential = (on_bass[later] & (root[later] == chords.bass[beats][:, None])).any(axis=1)
    following = chords.take(np.minimum(beats + 1, len(chords.kind) - 1))
    cadential |= following.in_root_position & (following.root == chords.bass[beats])
    stray = np.zeros(len(chords.kind), bool)
    stray[beats] = ~(held | passing | cadential)
    return stray


def parallels_between_beats(hearing):
    """Tell where two voices sing parallel unisons, fifths or octaves from a beat to the next.

    Notes between the beats are passed over, as the ear does.

    Returns
    -------
    bool array [beat - 1, pair]
        Pairs of voices from the top; the outer voices' is last.
    """
    grid = hearing.grid[hearing.beats]
    motion = np.diff(grid, axis=0)
    voices = range(grid.shape[1])
    pairs = sorted(combinations(voices, 2), key=lambda pair: pair == (0, voices[-1]))
    upper, lower = np.transpose(pairs)
    perfect = perfect_intervals(grid[:, upper], grid[:, lower])
    return parallels(perfect[:-1], perfect[1:], motion[:, upper], motion[:, lower])


def _sounding(hearing, pitch_class):
    """Tell which voices sing a pitch class where each beat's chord sounds: bool [beat, voice]."""
    grid = hearing.grid[hearing.by_beat.step]
    return (grid % OCTAVE == pitch_class[:, None]) & (grid != REST)


def _lowest_note(hearing, steps):
    """Find which of the lines' notes is the lowest at some steps: int array."""
    grid = hearing.grid[steps]
    voice = np.where(grid == REST, np.iinfo(int).max, grid).argmin(axis=1)
    return hearing.note_at[steps, voice]

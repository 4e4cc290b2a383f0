"""Whether the voices lead: passing and neighbor notes, suspensions, runs of the bass, contrary motion."""

from __future__ import annotations

import numpy as np

from .beats import KINDS
from .grid import REST, STEPS_PER_BAR, STEPS_PER_BEAT
from .theory import OCTAVE

WHOLE_TONE = 2
HALF_BEAT = STEPS_PER_BEAT // 2
RUN = 3  # steps of the scale in one direction, so four notes
PER_BARS = 10
PER_MOVES = 100
# Of two notes, whichever is higher; the fourth and the tritone are dissonant with the lowest note alone.
DISSONANT = np.isin(np.arange(OCTAVE), (1, 2, 10, 11))
DISSONANT_ABOVE_BASS = np.isin(np.arange(OCTAVE), (5, 6))


def measure_lines(hearing):
    """Count what the lower voices do between the beats and over them.

    Parameters
    ----------
    hearing : Hearing

    Returns
    -------
    dict of str to (float, float)
        By measure, how many and of how many; what is told per 10 bars, of tens of bars of sixteen steps.
    """
    lines, voices = hearing.lines, hearing.grid.shape[1]
    beat = hearing.beat_of
    place = np.where(beat >= 0, np.arange(len(beat)) - np.append(hearing.beats, 0)[beat], 0)
    lower = lines.voice > 0
    eighths = lower & (place[lines.start] == HALF_BEAT)
    by_step = _is_step(lines.before) & _is_step(lines.after)
    same_way = lines.before * lines.after > 0
    moves = np.abs(lines.after[lower & (lines.after != 0)])
    wide = np.isin(moves, (10, 11)) | (moves > OCTAVE)
    tens = len(hearing.grid) / (PER_BARS * STEPS_PER_BAR)
    explained = accents_explained(hearing)
    swings = see_saws(lines, voice=1)
    stays = _stays_over_bars(hearing)
    contrary = _contrary(hearing)
    return {
        "off-beat notes that pass": ((eighths & by_step & same_way).sum(), eighths.sum()),
        "off-beat neighbors": ((eighths & by_step & ~same_way).sum(), eighths.sum()),
        "see-saw in the alto": (swings.sum(), len(swings)),
        "bass runs per 10 bars": (count_runs(lines, voices - 1), tens),
        "bass stays over the bar line": (stays.sum(), len(stays)),
        "outer voices in contrary motion": (contrary.sum(), len(contrary)),
        "accented dissonances explained": (explained.sum(), len(explained)),
        "tied dissonances per 10 bars": (tied_dissonances(hearing).sum(), tens),
        "sevenths and wide leaps per 100 moves": (wide.sum(), len(moves) / PER_MOVES),
    }


def see_saws(lines, voice):
    """Tell which four notes on end of a voice go a-b-a-b: bool [four notes]."""
    own = lines.voice == voice
    pitch, before = lines.pitch[own], lines.before[own]
    swings = (pitch[:-3] == pitch[2:-1]) & (pitch[1:-2] == pitch[3:])
    return swings & (before[1:-2] != 0) & (before[2:-1] != 0) & (before[3:] != 0)


def count_runs(lines, voice):
    """Count the runs of a voice: four notes or more by step in one direction. A longer run counts once."""
    interval = lines.after[lines.voice == voice]
    way = np.where(_is_step(interval), np.sign(interval), 0)
    run = np.cumsum(np.diff(way, prepend=0) != 0)
    return int((np.bincount(run[way != 0]) >= RUN).sum())


def accents_explained(hearing):
    """Tell which beats that begin with a dissonance have a reason for it: bool [such beat].

    Their chord comes only after their first step. Reasons are, in one of the voices that are foreign to
    that chord, a suspension (held from before, then down by step) or a passing or neighboring note.
    """
    chords, lines = hearing.by_beat, hearing.lines
    beats = np.flatnonzero(chords.found & (chords.step != hearing.beats))
    step = hearing.beats[beats]
    grid, note = hearing.grid[step], hearing.note_at[step]
    tones = np.zeros((len(KINDS), OCTAVE), bool)
    for number, kind in enumerate(KINDS.values()):
        tones[number, list(kind)] = True
    above = (grid - chords.root[beats][:, None]) % OCTAVE
    foreign = ~tones[chords.kind[beats][:, None], above] & (grid != REST)
    before, after = lines.before[note], lines.after[note]
    suspended = (lines.start[note] < step[:, None]) & np.isin(after, (-1, -WHOLE_TONE))
    return (foreign & (suspended | (_is_step(before) & _is_step(after)))).any(axis=1)


def tied_dissonances(hearing):
    """Tell which notes of the lower voices are held into a beat, dissonant there, and then go down by step.

    Returns
    -------
    bool array [beat, voice - 1]
    """
    grid, note = hearing.grid[hearing.beats], hearing.note_at[hearing.beats]
    lines = hearing.lines
    sounding = grid != REST
    interval = np.abs(grid[:, :, None] - grid[:, None]) % OCTAVE  # [beat, voice, voice]
    both = sounding[:, :, None] & sounding[:, None]
    lowest = np.where(sounding, grid, np.iinfo(int).max).min(axis=1)[:, None]
    dissonant = (both & DISSONANT[interval]).any(axis=2)
    dissonant |= DISSONANT_ABOVE_BASS[(grid - lowest) % OCTAVE]
    if not len(lines.start):
        return np.zeros_like(dissonant)[:, 1:]
    held = sounding & (lines.start[note] < hearing.beats[:, None])
    return (held & dissonant & np.isin(lines.after[note], (-1, -WHOLE_TONE)))[:, 1:]


def _is_step(interval):
    return (interval != 0) & (np.abs(interval) <= WHOLE_TONE)


def _stays_over_bars(hearing):
    """Tell over which bar lines the bass stays on its pitch: bool [bar line within the piece]."""
    bass = hearing.grid[:, -1]
    bars = hearing.bars[(hearing.bars > 0) & (hearing.bars < len(bass))]
    bars = bars[(bass[bars] != REST) & (bass[bars - 1] != REST)]
    return bass[bars] == bass[bars - 1]


def _contrary(hearing):
    """Tell where the outer voices move against each other, of the beats where one moves: bool array."""
    outer = hearing.grid[hearing.beats][:, [0, -1]]
    sounding = (outer != REST).all(axis=1)
    motion = np.diff(outer, axis=0)[sounding[1:] & sounding[:-1]]
    motion = motion[(motion != 0).any(axis=1)]
    return motion[:, 0] * motion[:, 1] < 0

"""What can be done to a take: bars written again, a note changed, phrases moved, voices held.

Each of these takes a result and gives another one.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..arranger.takes import change, redo
from ..music.keys import find_key_of_melody
from ..music.theory import SCALES, pitch_name, pitch_number
from ..songs.chords import read_chords
from ..songs.find_phrases import NOT_AT_ALL, find_phrase_ends
from ..songs.places import find_bars, source_of
from ..songs.song import MelodyError

OWN_CHORDS = "score"  # those that the file brings, or that were asked for before


def wish_chords(arrangement, text, closeness):
    """Ask for chords, as they are typed.

    Parameters
    ----------
    arrangement : Arrangement
    text : str
        As for :func:`.read_chords`; empty for none, "score" for those it has.
    closeness : float

    Returns
    -------
    Arrangement
    """
    if text.strip() == OWN_CHORDS:
        return replace(arrangement, closeness=closeness)
    steps = len(arrangement.grid)
    chords = read_chords(arrangement.melody, text, steps) if text.strip() else ()
    return replace(arrangement, chords=chords, closeness=closeness)


def write_again(result, bars=(), seed=0, creativity=1.0, chords="", closeness=1.0, generator=None):
    """Write what is not held again, in some bars of the take that is shown, and leave the rest.

    Parameters
    ----------
    result : Result
    bars : sequence of int
        By default all.
    seed, creativity, generator
        As for :func:`.redo`.
    chords, closeness
        As for :func:`wish_chords`.

    Returns
    -------
    Result

    Raises
    ------
    MelodyError
        If everything there is held, or the chords cannot be understood.
    """
    take, held = result.shown, result.held[result.take]
    steps = len(take.grid)
    within = find_bars(take.melody, list(bars), steps) if bars else np.ones(steps, bool)
    free = within[:, None] & ~held
    if not free.any():
        where = words_for(bars)
        reason, advice = f"everything in {where} is held", "Let go of a voice, or mark other bars"
        raise MelodyError(source_of(take.melody), reason, advice)
    wished = replace(wish_chords(take, chords, closeness), kept=held)
    new = redo(wished, list(bars) or None, None, seed, creativity, generator)
    # What its owner gave is written as it was given, until it is written again.
    new = replace(new, kept=take.given & ~free, previous=take)
    return result.with_shown(new, f"{words_for(bars).capitalize()} written again")


def change_note(result, voice, place, pitch, generator=None):
    """Change a note of the take that is shown, and let the others around it follow.

    Parameters
    ----------
    result : Result
    voice, place, pitch
        As for :func:`.change`.

    Returns
    -------
    Result
        The note is held.
    """
    take, held = result.shown, result.held[result.take]
    known = held | take.given
    new = change(replace(take, kept=known), voice, place, pitch, generator)
    added = new.given & ~known
    new = replace(new, kept=take.given | added, previous=take)
    pitch = pitch if isinstance(pitch, str) else pitch_name(pitch)
    return result.with_shown(new, f"The {voice} at {place} changed to {pitch}", held | added)


def move_phrases(result, places):
    """End the phrases of all takes elsewhere.

    Parameters
    ----------
    result : Result
    places : sequence of str
        Of their last notes, "4:3"; none for no phrases.

    Returns
    -------
    Result
    """
    moved = {}
    for take in result.takes:
        melody = take.melody
        if id(melody) not in moved:
            asked = list(places) or NOT_AT_ALL
            ends, _ = find_phrase_ends(melody, (), melody.grid, melody.onset, asked)
            moved[id(melody)] = replace(melody, phrase_ends=ends)
    takes = tuple(replace(take, melody=moved[id(take.melody)]) for take in result.takes)
    return replace(result, takes=takes, did="Phrase ends moved")


def hold(result, voices=(), bars=(), on=True):
    """Hold voices, or bars of all voices, or let go of them; the melody is always held.

    Parameters
    ----------
    result : Result
    voices : sequence of int
        Counted from the top.
    bars : sequence of int
    on : bool

    Returns
    -------
    Result
    """
    take, held = result.shown, result.held[result.take].copy()
    held[:, list(voices)] = on
    if bars:
        held[find_bars(take.melody, list(bars), len(held))] = on
    held[:, take.place] = True
    return result.with_shown(take, result.did, held)


def next_in_scale(arrangement, pitch, up):
    """Find the next higher or lower note of the key.

    Parameters
    ----------
    arrangement : Arrangement
    pitch : int or str
    up : bool

    Returns
    -------
    int
        MIDI pitch.
    """
    tonic, mode = find_key_of_melody(arrangement.melody.grid, arrangement.melody.keys[0].sharps)
    scale = {(tonic + degree) % 12 for degree in SCALES[mode]}
    step, pitch = (1 if up else -1), pitch_number(pitch)
    return next(pitch + step * n for n in range(1, 12) if (pitch + step * n) % 12 in scale)


def words_for(bars):
    """Name marked bars: ``bars 5-7, 9``, or ``all bars``.

    Parameters
    ----------
    bars : sequence of int

    Returns
    -------
    str
    """
    if not bars:
        return "all bars"
    runs = []
    for bar in sorted(bars):
        if runs and runs[-1][-1] == bar - 1:
            runs[-1][1:] = [bar]
        else:
            runs.append([bar])
    named = ", ".join("-".join(map(str, run)) for run in runs)
    return f"{'bar' if len(bars) == 1 else 'bars'} {named}"

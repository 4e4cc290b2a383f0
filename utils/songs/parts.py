"""Several parts of a song: which of them are kept, and which voice each of them is."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ..music.grid import REST, STEPS_PER_BEAT, voice_names
from ..music.meter import divide_into_bars
from ..music.theory import OCTAVE, pitch_name, voice_ranges
from .chords import read_chord_signs, read_chords
from .find_kept import add_tune, find_kept, name_of_part
from .find_melody import LEGATO, TOGETHER
from .find_voices import USUAL
from .melody import Melody, complete_tune, is_midi, read_song, size_of, take_part, take_tune, tell_shifts
from .places import name_place, source_of
from .read_musicxml import dropped
from .song import MelodyError

GRACE = Fraction(1, 8)  # of a beat: shorter notes that sound with another one are its ornaments
FARTHEST = OCTAVE  # semitones outside of a voice's range
ONE_LINE = "A voice sings one note at a time: give each its own track or staff, or do not keep this one"
OWN_CHORDS = "score"


class Parts(NamedTuple):
    """What is given of a song.

    Attributes
    ----------
    tune : Melody
    place : int or None
        Which voice the tune is, counted from the top; None if nobody says.
    parts : dict of int to Melody
        By voice the parts that are kept, as their owner wrote them, all of one length; the tune is among
        them if ``place`` is known.
    report : tuple of str
        What was done to read it, a sentence each; the tune's own.
    chords : tuple of Chord
        That are asked for.
    """

    tune: Melody
    place: int | None
    parts: dict
    report: tuple
    chords: tuple = ()


def read_parts(
    source,
    keep=None,
    track=None,
    pickup=None,
    play_repeats=False,
    phrases=None,
    voices=USUAL,
    chords=None,
):
    """Read a song of which several parts may be kept.

    Parameters
    ----------
    source, pickup, play_repeats, phrases
        As for :func:`.read_melody`. The source may be a Melody as well.
    keep : str, sequence of str or dict, optional
        Which voices are kept as they are written: "all" that the source has, or names, such as
        ``"alto bass"`` or ``["A", "B"]``; by default the melody alone. A dict says which part a voice is:
        the number of a track or a piece of its name, as for :func:`.choose`, or another file, typed notes
        or a Melody.
    track : int or str, optional
        Which part is the tune. By default it is the kept soprano, else the highest voice that is kept; and
        where all that is kept comes from elsewhere, the likeliest melody of the source.
    voices : int
        How many there will be.
    chords : str, optional
        Chord symbols as :func:`.read_chords` reads them, or "score" for those of the source.

    Returns
    -------
    Parts

    Raises
    ------
    MelodyError
        As for :func:`.read_melody`; and if there is no such voice, if the source does not have it or has it
        twice, or if a kept part has two notes at once, notes far out of its voice's range, or goes on for
        longer than the tune by more than a bar; and as for :func:`.read_chords`.
    """
    main = source if isinstance(source, Melody) else read_song(source, play_repeats, pickup, keep is not None)
    suspect = pickup is None and main is not source and is_midi(source)
    if keep is None:
        tune = main if main is source else take_tune(main, track, phrases, suspect)
        return Parts(tune, None, {}, tune.report, _chords_of(main, tune, chords))
    kept = find_kept(main, keep, voices, play_repeats)
    for voice, entry in kept.items():
        _check(main, voice, entry, voices)
    place = add_tune(kept, main, track, voices)
    kept = dict(sorted(kept.items()))
    parts = {voice: _take(entry) for voice, entry in kept.items()}
    report = _tell(main, kept, parts, place, voices)
    own = kept[place].song
    if own is None:
        tune = replace(parts[place], report=(*parts[place].report, *report[1:]))
    else:
        tune = complete_tune(own, parts[place], report, phrases, suspect)
    parts[place] = tune
    _check_lengths(main, parts, tune, voices)
    steps = max(len(melody.grid) for melody in parts.values())
    parts = {voice: _lengthen(melody, tune, steps) for voice, melody in parts.items()}
    tune = parts[place]
    return Parts(tune, place, parts, tune.report, _chords_of(main, tune, chords))


def _take(entry):
    """Read one part as a Melody, with all its notes as they are."""
    if entry.song is None:
        return entry.part
    # In the grid a note ends where the next one begins, also where players let go of it later.
    line = _without_graces(entry.notes, entry.song.ticks_per_beat)
    melody = take_part(entry.song, entry.part, _without_overlaps(line))
    return replace(melody, notes=tuple(entry.notes))


def _check(main, voice, entry, voices):
    """Refuse what nobody of that voice can sing."""
    ticks = (entry.song or entry.part).ticks_per_beat
    name = f'"{name_of_part(entry.part)}", the {voice_names(voices)[voice]}'
    _check_line(main, _without_graces(entry.notes, ticks), ticks, name)
    _check_range(main, entry.notes, ticks, voice_ranges(voices)[voice], name)


def _check_line(main, notes, ticks, name):
    """Refuse two notes at once, but for those that players hold a little too long."""
    for note, after in pairwise(notes):
        overlap = note.end - after.start
        held = LEGATO * (note.end - note.start)
        if overlap > 0 and (
            after.start - note.start <= ticks // TOGETHER or after.end <= note.end or overlap > held
        ):
            reason = f"two notes at once in {name}, at {_place_of(main, after.start, ticks)}"
            raise MelodyError(source_of(main), reason, ONE_LINE)


def _check_range(main, notes, ticks, bounds, name):
    """Refuse notes far outside of a voice's range."""
    low, high = bounds
    for note in notes:
        if not low - FARTHEST <= note.pitch <= high + FARTHEST:
            reason = (
                f"{name}, has {pitch_name(note.pitch)} at {_place_of(main, note.start, ticks)}, over an "
                f"octave outside of that voice's range, {pitch_name(low)} to {pitch_name(high)}"
            )
            raise MelodyError(source_of(main), reason, "Say which part is which voice (keep)")


def _check_lengths(main, parts, tune, voices):
    """Refuse parts that go on for more than a bar after the tune."""
    end = _end_of(tune)
    bar = divide_into_bars(tune.meters, tune.pickup, end, tune.bars)[-1].full
    for voice, melody in parts.items():
        if _end_of(melody) > end + bar:
            until, last = _bar_of(main, _end_of(melody)), _bar_of(main, end)
            reason = (
                f'"{melody.track}", the {voice_names(voices)[voice]}, goes on to bar {until}, over a bar '
                f'longer than "{tune.track}", the tune, which ends in bar {last}'
            )
            raise MelodyError(source_of(main), reason, "Cut it, or give the song to which it belongs")


def _end_of(melody):
    """Tell the beat at which a part ends."""
    return Fraction(max(note.end for note in melody.notes), melody.ticks_per_beat)


def _place_of(main, tick, ticks_per_beat):
    """Name the bar and beat of a tick, also beyond the end of the song."""
    step = int(tick * STEPS_PER_BEAT // ticks_per_beat)
    return name_place(main, step + 1, step)


def _bar_of(main, end):
    """Give the number of the bar in which music ends at a beat."""
    return _place_of(main, math.ceil(end * STEPS_PER_BEAT) - 1, STEPS_PER_BEAT).partition(":")[0]


def _without_graces(notes, ticks):
    """Leave out grace notes that sound together with another note."""
    kept = []
    for place, note in enumerate(notes):
        around = (*notes[max(0, place - 1) : place], *notes[place + 1 : place + 2])
        together = any(other.start < note.end and note.start < other.end for other in around)
        if not together or note.end - note.start >= GRACE * ticks:
            kept.append(note)
    return kept


def _without_overlaps(notes):
    """End every note where the next one begins."""
    cut = [note._replace(end=min(note.end, after.start)) for note, after in pairwise(notes)]
    return [note for note in [*cut, notes[-1]] if note.start < note.end]


def _lengthen(melody, tune, steps):
    """Let a part rest until the end of the longest one, and count its bars as the tune does."""
    more = steps - len(melody.grid)
    triplet = np.zeros(len(melody.grid), bool) if melody.triplet is None else melody.triplet
    return replace(
        melody,
        grid=np.append(melody.grid, np.full(more, REST, melody.grid.dtype)),
        onset=np.append(melody.onset, np.zeros(more, bool)),
        triplet=np.append(triplet, np.zeros(more, bool)),
        meters=tune.meters,
        pickup=tune.pickup,
        bars=tune.bars,
    )


def _tell(main, kept, parts, place, voices):
    """Say which part is which voice: list of str, the tune first."""
    names = voice_names(voices)
    tune = parts[place]
    report = [f'The melody is "{tune.track}", the {names[place]} {kept[place].why}: {size_of(tune)}.']
    lower = len(kept[place].part.notes) - len(tune.notes)
    report += [f"{lower} notes below its upper line were left out."] if lower else []
    for voice, melody in parts.items():
        if voice == place:
            continue
        song = kept[voice].song
        origin = "" if song is None or song is main else f" of {song.source}"
        size = f"{len(melody.notes)} notes"
        report.append(f'The {names[voice]} is kept: "{melody.track}"{origin}, {kept[voice].why}, {size}.')
        odd = [*dropped(melody.signs), *tell_shifts(melody)] if song is not None else []
        report += [f"{names[voice].capitalize()}: {sentence[0].lower()}{sentence[1:]}" for sentence in odd]
    left = [] if isinstance(main, Melody) else main.parts
    left = [f'"{part.name}"' for part in left if not any(part is entry.part for entry in kept.values())]
    return [*report, f"Not kept: {', '.join(left)}."] if left else report


def _chords_of(main, tune, asked):
    """Read the chord symbols that are asked for."""
    if asked != OWN_CHORDS:
        return read_chords(main, asked, len(tune.grid)) if asked is not None else ()
    parts = [main] if isinstance(main, Melody) else main.parts
    signs = next((part.signs for part in parts if any(sign.kind == "chord" for sign in part.signs)), ())
    return read_chord_signs(main, signs, main.ticks_per_beat, len(tune.grid))

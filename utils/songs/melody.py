"""A melody out of anything: MIDI, MusicXML, a music21 stream, or notes as people type them.

Whatever the source, it first becomes a :class:`Song`. :func:`read_melody` takes one part of it and places
its notes on the grid.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np

from ..music.grid import STEPS_PER_BEAT, quantize, to_steps
from ..music.meter import (
    Meter,
    bar_lines,
    divide_into_bars,
    nearest_step,
    snap_bars,
    snap_meters,
    tidy_meters,
)
from ..music.theory import OCTAVE, find_key, note_name, sharps_of, spell
from .find_melody import choose, follow_line, rank
from .find_phrases import SIGNS, find_phrase_ends
from .guess_pickup import guess_pickup
from .mend_midi import find_header
from .read_midi import read_midi, tempo_at
from .read_musicxml import dropped, read_musicxml, read_stream
from .song import (
    LARGEST_SCORE,
    LONGEST_BEATS,
    SCORES_TO_READ,
    Key,
    MelodyError,
    Sign,
    check_length,
    read_bytes,
)
from .typed import read_typed

NEAR_THIRD = Fraction(1, 16)  # beats; closer to a third of a beat than that may be a triplet
# A player lets go of notes before their time. Where more than this share of a melody's notes ends off the
# grid, silence of less than a share of the way to the next note, and less than some beats, is no rest.
PERFORMED = 0.2
OFF_GRID = Fraction(1, 50)  # beats
LARGEST_GAP_SHARE, LARGEST_GAP = Fraction(1, 3), Fraction(3, 4)


@dataclass(frozen=True, eq=False)
class Melody:
    """One voice: as the models see it, and as its owner wrote it.

    Attributes
    ----------
    grid : int8 array [step]
        MIDI pitches by sixteenths of the beat, -1 = rest.
    onset : bool array [step]
        True where a note begins.
    tempo : float
        Quarter notes per minute where the first note begins.
    notes : tuple of Note
        The owner's notes, not quantized.
    ticks_per_beat : int
        The unit of ``notes`` and ``conductor``: ticks a quarter note.
    conductor : tuple of mido.MetaMessage
        Tempi, time and key signatures; ``time`` counts ticks from the beginning.
    track : str
        The name of the track taken.
    program : int
        Its General MIDI program.
    meters : tuple of Meter
        With the beats where they begin; the first at 0.
    pickup : Fraction
        Beats before the first bar line.
    triplet : bool array [step], optional
        True in beats of triplets, which the grid can only come near.
    report : tuple of str
        What was done to read it, a sentence each.
    keys : tuple of Key
        Its key signatures, at least one: guessed where the source has none.
    bars : tuple of Bar, optional
        Its bars, where they are not what ``meters`` and ``pickup`` say.
    messages : tuple of mido.Message
        What a MIDI file says to the instrument besides notes, ``time`` counted from the beginning.
    signs : tuple of Sign
        What a score writes with it: lyrics, slurs, repeats and so on.
    spelling : dict of (tick, pitch) to (letter, alteration), optional
        Its notes as their owner spelled them.
    title, composer, lyricist, copyright : str
        Of the piece; the title is the file's name where it has none.
    phrase_ends : tuple of int
        The steps where the last notes of phrases begin, ascending; empty where nobody knows.
    suspected_pickup : Fraction, optional
        Beats of a pickup of which its source says nothing, and with which it would fit its bars better.
    """

    grid: np.ndarray
    onset: np.ndarray
    tempo: float
    notes: tuple
    ticks_per_beat: int
    conductor: tuple
    track: str
    program: int
    meters: tuple = (Meter(Fraction(0), 4, 4),)
    pickup: Fraction = Fraction(0)
    triplet: np.ndarray | None = None
    report: tuple = ()
    keys: tuple = (Key(Fraction(0), 0),)
    bars: tuple | None = None
    messages: tuple = ()
    signs: tuple = ()
    spelling: dict | None = None
    title: str = ""
    composer: str = ""
    lyricist: str = ""
    copyright: str = ""
    phrase_ends: tuple = ()
    suspected_pickup: Fraction | None = None


def read_melody(source, track=None, pickup=None, play_repeats=False, phrases=None):
    """Read the melody of a whole song.

    Drums are passed over. Of a part of several voices the tune is taken, see
    :func:`.follow_line`. Notes are placed on
    sixteenths by their ticks, so that changes of tempo do not move them. Silence before the first note is
    kept.

    Parameters
    ----------
    source : str, Path, music21 stream, or sequence of (pitch, beats)
        A Standard MIDI File of type 0 or 1, a MusicXML file (.musicxml, .xml, .mxl), a stream of music21,
        or notes: a MIDI number, a name such as ``"C5"``, ``"F#4"``, ``"Bb3"``, or None for a rest, each
        with its length in quarter notes and, if a phrase ends with it, ``"!"``.
    track : int or str, optional
        Which of the parts with notes, counted from 0 with drums left out, or a piece of its name. By
        default the likeliest, see :func:`.rank`.
    pickup : float, optional
        Quarter notes before the first bar line, where the source does not tell.
    play_repeats : bool
        Write out what a score repeats, in the order in which it is played; by default repeats stay signs.
    phrases : str or sequence, optional
        Where phrases end, see :func:`.find_phrase_ends`. By default fermatas and breath marks tell, or the
        ends are guessed from the melody.

    Returns
    -------
    Melody

    Raises
    ------
    MelodyError
        If there is no such file, if it is unreadable, too large, without notes or with drums only, if it
        has no such track, or if a phrase cannot end as asked.
    """
    song = read_song(source, play_repeats, pickup)
    return take_tune(song, track, phrases, pickup is None and is_midi(source))


def take_tune(song, track=None, phrases=None, suspect_pickup=False):
    """Take the melody out of a song.

    Parameters
    ----------
    song : Song
    track, phrases
        As for :func:`read_melody`.
    suspect_pickup : bool
        Whether the song may have a pickup of which its source says nothing.

    Returns
    -------
    Melody
    """
    chosen, why = choose(song, track)
    notes = follow_line(chosen.notes, song.ticks_per_beat)
    melody = take_part(song, chosen, notes)
    report = [f'The melody is "{chosen.name}", {why}: {size_of(melody)}.']
    if len(notes) < len(chosen.notes):
        report.append(f"{len(chosen.notes) - len(notes)} notes below its upper line were left out.")
    if track is None and len(song.parts) > 1:
        place = rank(song)[1][0]
        other = f'"{song.parts[place].name}"'
        report.append(f"The next likeliest is {other}: to take it, ask for track {place} (--track {place}).")
    return complete_tune(song, melody, report, phrases, suspect_pickup)


def take_part(song, part, notes):
    """Place the notes of one part on the grid, with all that is written with them.

    Parameters
    ----------
    song : Song
    part : Part
    notes : list of Note
        Those of its notes that are taken.

    Returns
    -------
    Melody
        Without a report, and without phrases.
    """
    grid, onset = quantize(notes, song.ticks_per_beat)
    taken = {note.start for note in notes}
    return Melody(
        grid=grid,
        onset=onset,
        tempo=tempo_at(notes[0].start, song.conductor),
        notes=tuple(notes),
        ticks_per_beat=song.ticks_per_beat,
        conductor=song.conductor,
        track=part.name,
        program=part.program,
        meters=song.meters,
        pickup=song.pickup,
        triplet=_triplets(notes, song.ticks_per_beat, len(grid)),
        keys=_keys_of(song)[0],
        bars=song.bars,
        messages=part.messages,
        signs=tuple(sign for sign in part.signs if sign.kind != "lyric" or sign.tick in taken),
        spelling=part.spelling,
        title=song.title,
        composer=song.composer,
        lyricist=song.lyricist,
        copyright=song.copyright,
    )


def complete_tune(song, melody, report, phrases=None, suspect_pickup=False):
    """Find the phrases of a tune, and tell all that its owner should know.

    Parameters
    ----------
    song : Song
    melody : Melody
        Of :func:`take_part`.
    report : list of str
        How it was found, a sentence each.
    phrases
        As for :func:`read_melody`.
    suspect_pickup : bool
        As for :func:`take_tune`.

    Returns
    -------
    Melody
    """
    ends, how = find_phrase_ends(song, melody.signs, melody.grid, melody.onset, phrases)
    said = [*song.remarks, *dropped(melody.signs), *_keys_of(song)[1]]
    said += [*_tell_triplets(melody), *tell_shifts(melody)]
    guess = (
        suspect_pickup and not song.pickup and guess_pickup(melody.notes, song.meters, song.ticks_per_beat)
    )
    if guess:
        said.append(
            f"It would fit its bars better with a pickup of {float(guess):g} quarter "
            f"note{'s' * (guess != 1)}: if it has one, ask for it "
            f"(pickup={float(guess):g}, --pickup {float(guess):g})."
        )
    return replace(melody, report=(*report, *said, how), phrase_ends=ends, suspected_pickup=guess or None)


def read_song(source, play_repeats=False, pickup=None, split=False):
    """Read all parts of a piece that are no drums.

    Parameters
    ----------
    source : str, Path, music21 stream, or sequence of (pitch, beats)
    play_repeats, pickup
        As for :func:`read_melody`.
    split : bool
        Make parts of the voices that share a staff of a score.

    Returns
    -------
    Song
        With at least one part, and at least one note in each.

    Raises
    ------
    MelodyError
        As for :func:`read_melody`.
    """
    if hasattr(source, "recurse"):
        song = read_stream(source, "the stream", play_repeats)
    elif not isinstance(source, str | Path):
        song = read_typed(source)
    elif find_header(data := read_bytes(source, LARGEST_SCORE)) >= 0:
        song = read_midi(source, data)
    elif Path(source).suffix.lower() in SCORES_TO_READ or data.startswith((b"<?xml", b"PK")):
        song = read_musicxml(source, data, play_repeats, split)
    else:
        song = read_midi(source, data)  # which says what is wrong
    longest = max(note.end for part in song.parts for note in part.notes)
    check_length(song.source, longest, song.ticks_per_beat)
    meters, remarks = snap_meters(song.meters)
    asked = pickup is not None
    return song._replace(
        meters=tidy_meters(meters),
        pickup=_as_beats(song.source, pickup) if asked else nearest_step(song.pickup),
        bars=None if asked else snap_bars(song.bars),
        remarks=(*song.remarks, *remarks),
        title=song.title or _name_of_file(source),
    )


def is_midi(source):
    """Tell whether a source is a file that may say nothing of a pickup: no score, no notes as typed."""
    return isinstance(source, str | Path) and Path(source).suffix.lower() not in SCORES_TO_READ


def notated(melody):
    """Write a melody's notes as a score can show them: on sixteenths, or on thirds in beats of triplets.

    Where a melody was performed rather than written, the short silences between its notes are no rests.

    Parameters
    ----------
    melody : Melody

    Returns
    -------
    list of (start, end, pitch)
        In quarter notes, Fractions, in order, no two at once; every note lasts.
    """
    place, shortest = _placer(melody)
    notes = []
    for start, end, pitch in ((place(note.start), place(note.end), note.pitch) for note in melody.notes):
        if notes and notes[-1][1] > start:  # notes that overlap, as fingers do
            notes[-1] = (notes[-1][0], start, notes[-1][2])
        notes.append((start, max(end, start + shortest(start)), pitch))
    notes = [note for note in notes if note[0] < note[1]]
    return _without_gaps(notes) if _is_performed(melody, place) else notes


def notated_signs(melody):
    """Place what is written with a melody where :func:`notated` places its notes.

    Parameters
    ----------
    melody : Melody

    Returns
    -------
    signs : list of Sign
        With quarter notes, Fractions, in place of ticks. Fermatas and breath marks, which stand at the last
        of tied heads, are told with the beginning of their note.
    spelling : dict of (beat, pitch) to (letter, alteration)
    """
    place, _ = _placer(melody)
    starts = [note.start for note in melody.notes]

    def begin(sign):
        note = bisect_right(starts, sign.tick) - 1
        held = sign.kind in SIGNS and note >= 0 and sign.tick < melody.notes[note].end
        return starts[note] if held else sign.tick

    signs = [sign._replace(tick=place(begin(sign))) for sign in melody.signs]
    spelling = {(place(tick), pitch): name for (tick, pitch), name in (melody.spelling or {}).items()}
    return signs, spelling


def breath_marks(melody):
    """Mark where a melody's phrases end: for whoever sees its score, and whoever reads it again.

    A note that bears a fermata or a breath mark already gets none. Nor does the last one, which ends a phrase
    for every reader, unless nothing else is marked: then it says that there is but one phrase. No mark can
    say that there are no phrases, that one is longer than :func:`.find_phrase_ends` believes, or that a sign
    of the owner's, which stays, was overruled.

    Parameters
    ----------
    melody : Melody

    Returns
    -------
    list of Sign
        With quarter notes, Fractions, in place of ticks.
    """
    if not melody.phrase_ends:
        return []
    place, _ = _placer(melody)
    begin = [place(note.start) for note in melody.notes]
    steps = [int(to_steps(note.start, melody.ticks_per_beat)) for note in melody.notes]
    ends = {begin[bisect_right(steps, step) - 1] for step in melody.phrase_ends}
    marked = {sign.tick for sign in notated_signs(melody)[0] if sign.kind in SIGNS} & set(begin)
    if marked or len(ends) > 1:
        ends.discard(begin[-1])
    return [Sign(beat, "breath", "comma") for beat in sorted(ends - marked)]


def _placer(melody):
    """Make the function that brings ticks onto the grid, in beats, and the one that tells how fine it is."""
    beats_of_triplets = _beats_of_triplets(melody)

    def place(tick):
        beat, rest = divmod(Fraction(tick, melody.ticks_per_beat), 1)
        parts = 6 if beat in beats_of_triplets else STEPS_PER_BEAT
        return beat + Fraction(round(rest * parts), parts)

    def shortest(start):
        return Fraction(1, 6 if int(start) in beats_of_triplets else STEPS_PER_BEAT)

    return place, shortest


def _beats_of_triplets(melody):
    """List the beats of triplets that a score can show: whole beats of one bar, counted from its line."""
    if melody.triplet is None or not melody.triplet.any():
        return set()
    end = Fraction(len(melody.grid), STEPS_PER_BEAT)
    bars = divide_into_bars(melody.meters, melody.pickup, end, melody.bars)
    starts = [bar.start for bar in bars]
    found = set()
    for beat in np.flatnonzero(melody.triplet[::STEPS_PER_BEAT]).tolist():
        bar = bars[bisect_right(starts, beat) - 1]
        if beat + 1 <= bar.end and (beat - bar.start).denominator == 1:
            found.add(beat)
    return found


def _is_performed(melody, place):
    """Tell whether many notes of a melody end off the grid."""
    off = [abs(Fraction(note.end, melody.ticks_per_beat) - place(note.end)) for note in melody.notes]
    return sum(distance > OFF_GRID for distance in off) > PERFORMED * len(off)


def _without_gaps(notes):
    """Hold notes that end a little too early until the next one begins."""
    longer = [
        (start, following, pitch)
        if 0 < following - end <= min(LARGEST_GAP_SHARE * (following - start), LARGEST_GAP)
        else (start, end, pitch)
        for (start, end, pitch), (following, *_) in pairwise(notes)
    ]
    return [*longer, *notes[-1:]]


def _keys_of(song):
    """Take a song's key signatures, or guess one and say so: tuple of Key, list of str."""
    if song.keys:
        return song.keys, []
    counts = np.zeros(OCTAVE)
    for part in song.parts:
        for note in part.notes:
            counts[note.pitch % OCTAVE] += (note.end - note.start) / song.ticks_per_beat
    tonic, mode = find_key(counts)
    name = note_name(*spell(tonic, tonic, mode)).replace("-", " flat").replace("#", " sharp")
    guess = f"No key signature is given: the score is written in {name} {mode}, as the notes suggest."
    return (Key(Fraction(0), sharps_of(tonic, mode), mode),), [guess]


def size_of(melody):
    """Say how much music it is."""
    notes, beats = len(melody.notes), len(melody.grid) / STEPS_PER_BEAT
    return f"{notes} note{'s' * (notes != 1)}, {beats:g} beat{'s' * (beats != 1)}"


def _name_of_file(source):
    """Make a title of a file's name; of what is no file, none."""
    return " ".join(Path(source).stem.replace("_", " ").split()) if isinstance(source, str | Path) else ""


def _triplets(notes, ticks_per_beat, steps):
    """Find the beats in which notes begin on thirds rather than on sixteenths: bool [step]."""
    start = np.array([note.start for note in notes])
    beat, place = np.divmod(start, ticks_per_beat)
    place = place / ticks_per_beat
    to_third = np.abs(place[:, None] - np.arange(4) / 3).min(axis=1)
    to_step = np.abs(place[:, None] - np.arange(5) / 4).min(axis=1)
    beats = -(-steps // STEPS_PER_BEAT)
    off_beat = (place > 1 / 4) & (place < 3 / 4)
    on_thirds = np.bincount(beat[off_beat & (to_third < NEAR_THIRD)], minlength=beats)
    better = np.bincount(beat, to_step - to_third, minlength=beats)
    return np.repeat((on_thirds > 0) & (better > 0), STEPS_PER_BEAT)[:steps]


def _tell_triplets(melody):
    """Say how many notes are in triplets: list of str."""
    in_triplet = _in_triplet(melody).sum()
    if not in_triplet:
        return []
    return [
        f"{in_triplet} notes in {melody.triplet.sum() // STEPS_PER_BEAT} beats of triplets: the voices "
        "below move with the beat there; the melody keeps its rhythm."
    ]


def tell_shifts(melody):
    """Say how far notes were moved to get onto the grid: list of str."""
    start = np.array([note.start for note in melody.notes])
    step = to_steps(start, melody.ticks_per_beat)
    shift = np.abs(start * STEPS_PER_BEAT / melody.ticks_per_beat - step)
    shift = np.where(_in_triplet(melody), 0, shift)
    if shift.max() <= 0.01:
        return []
    bars = bar_lines(melody.meters, melody.pickup, len(melody.grid), melody.bars)
    bar = np.searchsorted(bars, step[shift.argmax()], side="right")
    return [
        f"{(shift > 0.01).sum()} notes lie off the sixteenths, at most by {shift.max() / 4:.3f} beats "
        f"(bar {bar}); for the harmony they count at the nearest one."
    ]


def _in_triplet(melody):
    """Tell which notes begin in beats of triplets: bool [note]."""
    step = to_steps([note.start for note in melody.notes], melody.ticks_per_beat)
    return melody.triplet[np.minimum(step, len(melody.triplet) - 1)]


def _as_beats(source, value):
    """Read a pickup that somebody asks for; it ends with a step."""
    try:
        beats = nearest_step(value)
    except (TypeError, ValueError, OverflowError):  # no number, or none that is finite
        beats = Fraction(-1)
    if not 0 <= beats <= LONGEST_BEATS:  # also where the tune is shorter: then it is all pickup
        raise MelodyError(source, f"a pickup of {value} beats", "Give the quarter notes before the first bar")
    return beats

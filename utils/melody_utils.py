"""A melody out of anything: MIDI, MusicXML, a music21 stream, or notes as people type them.

Whatever the source, it first becomes a :class:`Song`: parts of notes in ticks, with tempi, metres and
bar lines. :func:`read_melody` takes one part of it and places its notes on the grid.
"""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import mido
import numpy as np

from utils import meter_utils, midi_utils
from utils.meter_utils import Meter
from utils.midi_utils import (
    PITCHES,
    STEPS_PER_BEAT,
    MelodyError,
    Note,
)

MELODY_NAMES = ("melody", "soprano", "vocal", "voice", "sing", "lead", "tune", "right", "treble")
SCORE_ENDINGS = (".musicxml", ".xml", ".mxl")  # the last one is compressed
LARGEST_SCORE = 20_000_000  # bytes, unpacked
SCORE_TICKS = 10_080  # a quarter note, of what is not MIDI: thirds, fifths and sevenths come out even
TYPED_EXAMPLE = "C5 C5 G5 G5 A5 A5 G5:2 | F5 F5 E5 E5 D5 D5 C5:2"
FIRST_OCTAVE = "5"  # of typed notes: where sopranos sing
TYPED_TEMPO = 100.0  # quarter notes per minute, where nothing is said
NOTE_NAME = re.compile(r"([A-Ga-g])(##|#|bb|b)?(-?\d+)")
STEPS_OF_NAMES = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
ACCIDENTALS = {None: 0, "": 0, "#": 1, "##": 2, "b": -1, "bb": -2}
KEYS_BY_SHARPS = dict(enumerate(("Cb", "Gb", "Db", "Ab", "Eb", "Bb", *"FCGDAEB", "F#", "C#"), start=-7))
NEAR_THIRD = Fraction(1, 16)  # beats; closer to a third of a beat than that may be a triplet


class Part(NamedTuple):
    """The notes of one instrument, in ticks and in order; drums are never among them."""

    name: str
    program: int
    notes: list


class Song(NamedTuple):
    """A piece as it was written.

    ``meters`` are its metres with the beats where they begin, ``pickup`` the beats before the first bar
    line; ``conductor`` holds tempi and signatures with ``time`` in ticks from the beginning.
    """

    source: str
    parts: list
    ticks_per_beat: int
    conductor: tuple
    meters: tuple
    pickup: Fraction
    remarks: tuple = ()


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
        The owner's notes, not quantised.
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


def read_melody(source, track=None, pickup=None):
    """Read the melody of a whole song.

    Drums are passed over. A part of several voices is reduced to its :func:`skyline`. Notes are placed on
    sixteenths by their ticks, so that changes of tempo do not move them. Silence before the first note is
    kept.

    Parameters
    ----------
    source : str, Path, music21 stream, or sequence of (pitch, beats)
        A Standard MIDI File of type 0 or 1, a MusicXML file (.musicxml, .xml, .mxl), a stream of music21,
        or notes: a MIDI number, a name such as ``"C5"``, ``"F#4"``, ``"Bb3"``, or None for a rest, each
        with its length in quarter notes.
    track : int or str, optional
        Which of the parts with notes, counted from 0 with drums left out, or a piece of its name. By
        default the likeliest: of those that sound for at least half as long as the fullest, one that is
        named like a melody, or else the highest.
    pickup : float, optional
        Quarter notes before the first bar line, where the source does not tell.

    Returns
    -------
    Melody

    Raises
    ------
    MelodyError
        If there is no such file, if it is unreadable, too large, without notes or with drums only, or if
        it has no such track.
    """
    song = read_song(source)
    if pickup is not None:
        song = song._replace(pickup=_as_beats(song.source, pickup))
    chosen, why = choose(song, track)
    notes = skyline(chosen.notes, song.ticks_per_beat // 16)
    grid, onset = midi_utils.quantise(notes, song.ticks_per_beat)
    triplet = _triplets(notes, song.ticks_per_beat, len(grid))
    report = [f'The melody is "{chosen.name}", {why}: {len(notes)} notes, {len(grid) / 4:g} beats.']
    if len(notes) < len(chosen.notes):
        report.append(f"{len(chosen.notes) - len(notes)} notes below its upper line were left out.")
    report += [*song.remarks, *_shifts(notes, song, triplet)]
    return Melody(
        grid=grid,
        onset=onset,
        tempo=midi_utils.tempo_at(notes[0].start, song.conductor),
        notes=tuple(notes),
        ticks_per_beat=song.ticks_per_beat,
        conductor=song.conductor,
        track=chosen.name,
        program=chosen.program,
        meters=song.meters,
        pickup=song.pickup,
        triplet=triplet,
        report=tuple(report),
    )


def read_song(source):
    """Read all parts of a piece that are no drums.

    Parameters
    ----------
    source : str, Path, music21 stream, or sequence of (pitch, beats)
        As for :func:`read_melody`.

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
        song = _from_stream(source, "the stream")
    elif not isinstance(source, str | Path):
        song = _from_typed(source)
    elif (data := midi_utils.read_bytes(source, LARGEST_SCORE)).startswith(b"MThd"):
        song = _from_midi(source, data)
    elif Path(source).suffix.lower() in SCORE_ENDINGS or data.startswith((b"<?xml", b"PK")):
        song = _from_score(source, data)
    else:
        song = _from_midi(source, data)  # which says what is wrong
    longest = max(note.end for part in song.parts for note in part.notes)
    midi_utils.check_length(song.source, longest, song.ticks_per_beat)
    return song


def notated(melody):
    """Write a melody's notes as a score can show them: on sixteenths, or on thirds in beats of triplets.

    Parameters
    ----------
    melody : Melody

    Returns
    -------
    list of (start, end, pitch)
        In quarter notes, Fractions, in order, no two at once; every note lasts.
    """
    beats_of_triplets = (
        set(np.flatnonzero(melody.triplet[::STEPS_PER_BEAT])) if melody.triplet is not None else ()
    )

    def place(tick):
        beat, rest = divmod(Fraction(tick, melody.ticks_per_beat), 1)
        parts = 6 if beat in beats_of_triplets else STEPS_PER_BEAT
        return beat + Fraction(round(rest * parts), parts)

    notes = []
    for start, end, pitch in ((place(note.start), place(note.end), note.pitch) for note in melody.notes):
        if notes and notes[-1][1] > start:  # notes that overlap, as fingers do
            notes[-1] = (notes[-1][0], start, notes[-1][2])
        shortest = Fraction(1, 6 if int(start) in beats_of_triplets else STEPS_PER_BEAT)
        notes.append((start, max(end, start + shortest), pitch))
    return [note for note in notes if note[0] < note[1]]


def skyline(notes, together=0):
    """Reduce many voices to the upper one (Uitdenbogerd and Zobel 1999).

    Of notes that are struck together the highest stays, and of the others each that is the highest
    sounding one for at least half of its time. So a slow left hand does not show through the gaps
    between the notes of a detached melody, and a melody whose notes overlap a little is kept whole.

    Parameters
    ----------
    notes : list of Note
        No two of the same pitch at the same time.
    together : int
        Overlapping notes that begin at most so many ticks apart are one chord.

    Returns
    -------
    list of Note
        In order of time.
    """
    never = np.iinfo(np.int64).min // 2
    edges = np.unique([(note.start, note.end) for note in notes])
    width = np.diff(edges)
    since = np.full(len(width), never)  # the start of the note that was kept for that stretch
    kept = []
    spans = np.searchsorted(edges, [(note.start, note.end) for note in notes])
    for place in sorted(range(len(notes)), key=lambda place: (-notes[place].pitch, notes[place].start)):
        note, (first, last) = notes[place], spans[place]
        above, free = since[first:last], since[first:last] == never
        in_chord = np.any(np.abs(above - note.start) <= together)
        if in_chord or 2 * width[first:last][free].sum() < note.end - note.start:
            continue
        above[free] = note.start
        kept.append(note)
    return sorted(kept)


# --- Choosing, reporting -----------------------------------------------------


def choose(song, track=None):
    """Pick a part of a song.

    Parameters
    ----------
    song : Song
    track : int or str, optional
        As for :func:`read_melody`.

    Returns
    -------
    Part
    str
        Why this one.

    Raises
    ------
    MelodyError
        If there is no such part.
    """
    parts = song.parts
    if track is None:
        place, why = _likeliest(song)
        return parts[place], f"{why} of {len(parts)} parts" if len(parts) > 1 else "the only part"
    if isinstance(track, str):
        found = [place for place, part in enumerate(parts) if track.lower() in part.name.lower()]
        place = found[0] if found else -1
    else:
        place = track
    if not 0 <= place < len(parts):
        choice = ", ".join(f"{i} {part.name} ({len(part.notes)} notes)" for i, part in enumerate(parts[:20]))
        raise MelodyError(song.source, f"no track {track!r}", f"Choose one of these, or none: {choice}")
    return parts[place], "as asked for"


def _likeliest(song):
    """Choose the part that is the melody, by the upper line of each: its place, and why."""
    lines = [skyline(part.notes, song.ticks_per_beat // 16) for part in song.parts]
    length = [sum(note.end - note.start for note in line) for line in lines]
    full = [place for place, ticks in enumerate(length) if 2 * ticks >= max(length)]
    named = [place for place in full if any(word in song.parts[place].name.lower() for word in MELODY_NAMES)]
    place = max(named or full, key=lambda place: np.mean([note.pitch for note in lines[place]]))
    return place, "by its name the melody" if named else "the highest"


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


def _shifts(notes, song, triplet):
    """Say how far notes were moved to get onto the grid."""
    start = np.array([note.start for note in notes])
    exact = start * STEPS_PER_BEAT / song.ticks_per_beat
    step = midi_utils.to_steps(start, song.ticks_per_beat)
    in_triplet = triplet[np.minimum(step, len(triplet) - 1)]
    sentences = []
    if in_triplet.any():
        sentences.append(
            f"{in_triplet.sum()} notes in {triplet.sum() // STEPS_PER_BEAT} beats of triplets: the voices "
            "below move with the beat there; the melody keeps its rhythm."
        )
    shift = np.where(in_triplet, 0, np.abs(exact - step))
    if shift.max() > 0.01:
        worst = shift.argmax()
        bars = meter_utils.bar_lines(song.meters, song.pickup, len(triplet))
        bar = np.searchsorted(bars, step[worst], side="right")
        sentences.append(
            f"{(shift > 0.01).sum()} notes lie off the sixteenths, at most by {shift.max() / 4:.3f} beats "
            f"(bar {bar}); for the harmony they count at the nearest one."
        )
    return sentences


def _as_beats(source, value):
    beats = Fraction(value).limit_denominator(STEPS_PER_BEAT)
    if beats < 0:
        raise MelodyError(source, f"a pickup of {value} beats", "Give the quarter notes before the first bar")
    return beats


# --- MIDI --------------------------------------------------------------------


def _from_midi(path, data):
    midi = midi_utils.parse_midi(path, data)
    parts, drums = [], 0
    for number, track in enumerate(midi.tracks):
        name = midi_utils.name_of(track) or f"Track {number}"
        by_channel = {}
        for channel, note in midi_utils.notes_of(track):
            by_channel.setdefault(channel, []).append(note)
        drums += len(by_channel.pop(midi_utils.DRUM_CHANNEL, []))
        programs = {
            message.channel: message.program
            for message in reversed(track)  # so that the first one stays
            if message.type == "program_change"
        }
        for channel, notes in sorted(by_channel.items()):
            label = name if len(by_channel) == 1 else f"{name}, channel {channel + 1}"
            parts.append(Part(label, programs.get(channel, 0), sorted(notes)))
    if not parts:
        raise MelodyError(path, "nothing but drums" if drums else "no notes", "Give a file with a melody")
    midi_utils.check_count(path, sum(len(part.notes) for part in parts))
    end = max(note.end for part in parts for note in part.notes)
    # What is told after the music is about nothing, and may be told at any time.
    conductor = tuple(message for message in midi_utils.conductor_of(midi) if message.time <= end)
    meters = [
        Meter(Fraction(message.time, midi.ticks_per_beat), message.numerator, message.denominator)
        for message in conductor
        if message.type == "time_signature"
    ]
    meters, pickup = meter_utils.split_pickup(meter_utils.tidy_meters(meters))
    return Song(str(path), parts, midi.ticks_per_beat, conductor, meters, pickup)


# --- MusicXML and music21 ----------------------------------------------------


def _from_score(path, data):
    from utils.quiet_music21 import music21  # here: it takes a second that MIDI need not wait for

    advice = "Give a MusicXML file (.musicxml, .xml or .mxl), as any notation program exports it"
    try:
        if data.startswith(b"PK"):
            data = _unzip(path, data)
        # Not `parse`, which would look for a pickle of an earlier time.
        stream = music21.converter.parseData(_decode(data), format="musicxml")
    except MelodyError:
        raise
    # The parser meets bad bytes with whatever exception they happen to cause.
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise MelodyError(path, f"cannot be read as MusicXML ({reason})", advice) from error
    return _from_stream(stream, str(path))


def _decode(data):
    return data.decode("utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8")


def _unzip(path, data):
    """Take the score out of a compressed MusicXML file."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        scores = [
            info
            for info in archive.infolist()
            if info.filename.lower().endswith(SCORE_ENDINGS) and not info.filename.startswith("META-INF")
        ]
        if not scores:
            raise MelodyError(path, "a zip file without a score", "Give a MusicXML file")
        with archive.open(scores[0]) as file:
            unpacked = file.read(LARGEST_SCORE + 1)
    if len(unpacked) > LARGEST_SCORE:
        raise MelodyError(path, f"more than {LARGEST_SCORE / 1e6:.0f} MB of score", "Cut it into parts")
    return unpacked


def _from_stream(stream, source):
    """Read a stream of music21; ties are joined, grace notes left out, repeats not played out."""
    if any(instrument.transposition for instrument in stream.recurse().getElementsByClass("Instrument")):
        stream = stream.toSoundingPitch()
    staves = list(getattr(stream, "parts", [])) or [stream]
    parts, graces = [], 0
    for number, staff in enumerate(staves):
        flat = staff.flatten()
        notes, short = _notes_of_staff(flat)
        graces += short
        instrument = flat.getElementsByClass("Instrument").first()
        if notes and getattr(instrument, "midiChannel", None) != midi_utils.DRUM_CHANNEL:
            name = getattr(staff, "partName", None) or f"Part {number}"
            program = getattr(instrument, "midiProgram", None) or 0
            parts.append(Part(" ".join(name.split()), program, notes))
    if not parts:
        raise MelodyError(source, "no notes", "Give music with a melody")
    midi_utils.check_count(source, sum(len(part.notes) for part in parts))
    first = staves[0].flatten()
    signatures = first.getElementsByClass("TimeSignature")
    meters = [Meter(Fraction(_exact(s.offset)), s.numerator, s.denominator) for s in signatures]
    remarks = []
    if graces:
        remarks.append(f"{graces} grace notes were left out.")
    if any(bar.direction for bar in stream.recurse().getElementsByClass("Repeat")):
        remarks.append("Repeats are not played out: the music is taken as it stands on the page.")
    return Song(
        source,
        parts,
        SCORE_TICKS,
        _conductor_of_stream(stream, first, meters),
        meter_utils.tidy_meters(meters),
        _pickup_of(staves[0]),
        tuple(remarks),
    )


def _notes_of_staff(flat):
    """List the notes of a flat stream, ties joined, and count those without length."""
    sounding, notes, graces = {}, [], 0
    for element in flat.notes:
        if element.quarterLength == 0:
            graces += 1
            continue
        start, end = _ticks(element.offset), _ticks(element.offset + element.quarterLength)
        for single in getattr(element, "notes", (element,)):
            pitch = getattr(getattr(single, "pitch", None), "midi", None)
            if pitch is None or not 0 <= pitch < PITCHES:  # unpitched percussion, or beyond MIDI
                continue
            velocity = single.volume.velocity or midi_utils.DEFAULT_VELOCITY
            tied = single.tie is not None and single.tie.type in ("stop", "continue")
            if tied and pitch in sounding and notes[sounding[pitch]].end == start:
                place = sounding[pitch]
                notes[place] = notes[place]._replace(end=end)
            else:
                sounding[pitch] = len(notes)
                notes.append(Note(start, end, pitch, int(velocity)))
    return midi_utils.cut_overlaps(notes), graces


def _conductor_of_stream(stream, first, meters):
    """Turn tempo marks and signatures into MIDI messages, timed from the beginning."""
    marks = [(mark, mark.getQuarterBPM()) for mark in stream.recurse().getElementsByClass("MetronomeMark")]
    tempi = {_ticks(mark.getOffsetInHierarchy(stream)): bpm for mark, bpm in marks if bpm}
    tempi.setdefault(0, TYPED_TEMPO)
    message = mido.MetaMessage
    found = [message("set_tempo", tempo=midi_utils.tempo_of(bpm), time=tick) for tick, bpm in tempi.items()]
    for beat, numerator, denominator in meters:
        if denominator in (1, 2, 4, 8, 16, 32, 64):
            meter = {"numerator": numerator, "denominator": denominator}
            found.append(message("time_signature", **meter, time=_ticks(beat)))
    for key in first.getElementsByClass("KeySignature"):
        if key.sharps in KEYS_BY_SHARPS:
            found.append(message("key_signature", key=KEYS_BY_SHARPS[key.sharps], time=_ticks(key.offset)))
    return tuple(sorted(found, key=lambda message: message.time))


def _ticks(quarters):
    return round(_exact(quarters) * SCORE_TICKS)


def _pickup_of(staff):
    """Beats of a first bar that is not full."""
    bar = staff.getElementsByClass("Measure").first()
    if bar is None:
        return Fraction(0)
    length, full = _exact(bar.duration.quarterLength), _exact(bar.barDuration.quarterLength)
    return Fraction(length) if 0 < length < full else Fraction(0)


def _exact(quarters):
    """Read music21's offsets, float or Fraction, as the fraction that is meant."""
    return Fraction(quarters).limit_denominator(SCORE_TICKS)


# --- Typed -------------------------------------------------------------------


def _from_typed(pairs):
    source, now, notes = "the notes", Fraction(0), []
    advice = 'Give pairs of a pitch and its quarter notes, such as [("C5", 1), (None, 0.5), (67, 2)]'
    try:
        pairs = [(pitch, Fraction(beats).limit_denominator(SCORE_TICKS)) for pitch, beats in pairs]
    except (TypeError, ValueError, OverflowError) as error:
        raise MelodyError(source, f"not pairs of a pitch and a length ({error})", advice) from error
    for place, (pitch, beats) in enumerate(pairs):
        if beats <= 0:
            raise MelodyError(source, f"note {place} is {float(beats):g} beats long", advice)
        number = pitch_number(pitch) if pitch is not None else None
        if pitch is not None and number is None:
            raise MelodyError(source, f"note {place} is no pitch: {pitch!r}", advice)
        if number is not None:
            start, end = round(now * SCORE_TICKS), round((now + beats) * SCORE_TICKS)
            notes.append(Note(start, end, number, midi_utils.DEFAULT_VELOCITY))
        now += beats
    if not notes:
        raise MelodyError(source, "no notes", advice)
    conductor = (mido.MetaMessage("set_tempo", tempo=midi_utils.tempo_of(TYPED_TEMPO)),)
    part = Part("Melody", 0, notes)
    return Song(source, [part], SCORE_TICKS, conductor, meter_utils.tidy_meters([]), Fraction(0))


def parse_notes(text):
    """Read a melody that somebody has typed.

    Parameters
    ----------
    text : str
        Notes such as ``C5``, ``f#4:2``, ``Bb:1/2`` and rests ``r:1``, between spaces, commas or bar lines.
        After the colon stand the beats, one if they are left out. A note without an octave takes that of
        the note before, the first one octave 5; C4 is middle C.

    Returns
    -------
    list of (int or None, Fraction)
        MIDI pitch, None for a rest, and beats: what :func:`read_melody` takes.

    Raises
    ------
    MelodyError
        If a note cannot be understood or there is none.
    """
    source, notes, octave = "typed notes", [], FIRST_OCTAVE
    for number, word in enumerate(re.split(r"[\s,;|]+", text.strip(" \t\n,;|")), start=1):
        name, colon, beats = word.lower().replace("♯", "#").replace("♭", "b").partition(":")
        length = _beats(beats) if colon else Fraction(1)
        if length is None:
            advice = "After the colon stand the beats, as in C5:2, C5:0.5 or C5:1/2"
            raise MelodyError(source, f"note {number}, {word!r}, has no length", advice)
        if name in ("r", "rest"):
            notes.append((None, length))
            continue
        octave = name.lstrip("abcdefg#") or octave
        pitch = pitch_number(name if name.endswith(octave) else name + octave)
        if pitch is None:
            reason = f"note {number}, {word!r}, is none" if word else "there is no note yet"
            raise MelodyError(source, reason, f"Write them like this: {TYPED_EXAMPLE}")
        notes.append((pitch, length))
    if all(pitch is None for pitch, _ in notes):
        raise MelodyError(source, "there are only rests", f"Write notes too, like this: {TYPED_EXAMPLE}")
    return notes


def _beats(text):
    """Read a positive number or fraction; None if it is neither."""
    try:
        beats = Fraction(text.strip())
    except (ValueError, ZeroDivisionError):
        return None
    return beats if 0 < beats < 1000 else None


def pitch_number(name):
    """Read a MIDI number or a name such as ``C5`` (72), ``F#4`` or ``Bb3``; None if it is neither."""
    if isinstance(name, str):
        found = NOTE_NAME.fullmatch(name.strip())
        if not found:
            return None
        letter, accidental, octave = found.groups()
        name = STEPS_OF_NAMES[letter.lower()] + ACCIDENTALS[accidental] + 12 * (int(octave) + 1)
    try:
        number = int(name)
    except (TypeError, ValueError):
        return None
    return number if number == name and 0 <= number < PITCHES else None

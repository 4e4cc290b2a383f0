"""MusicXML files and streams of music21, read with care."""

from __future__ import annotations

import io
import zipfile
from fractions import Fraction

import mido

from ..music.grid import PITCHES
from ..music.meter import Meter, tidy_meters
from ..music.theory import KEYS_BY_SHARPS
from .read_midi import DRUM_CHANNEL
from .song import (
    DEFAULT_TEMPO,
    DEFAULT_VELOCITY,
    LARGEST_SCORE,
    SCORE_TICKS,
    SCORES_TO_READ,
    MelodyError,
    Note,
    Part,
    Song,
    check_count,
    cut_overlaps,
    tempo_of,
)


def read_musicxml(path, data):
    """Read all parts of a score that are no drums; parameters and errors as :func:`.read_midi`."""
    from .quiet_music21 import music21  # here: it takes a second that MIDI need not wait for

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
    return read_stream(stream, str(path))


def _decode(data):
    return data.decode("utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8")


def _unzip(path, data):
    """Take the score out of a compressed MusicXML file."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        scores = [
            info
            for info in archive.infolist()
            if info.filename.lower().endswith(SCORES_TO_READ) and not info.filename.startswith("META-INF")
        ]
        if not scores:
            raise MelodyError(path, "a zip file without a score", "Give a MusicXML file")
        with archive.open(scores[0]) as file:
            unpacked = file.read(LARGEST_SCORE + 1)
    if len(unpacked) > LARGEST_SCORE:
        raise MelodyError(path, f"more than {LARGEST_SCORE / 1e6:.0f} MB of score", "Cut it into parts")
    return unpacked


def read_stream(stream, source):
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
        if notes and getattr(instrument, "midiChannel", None) != DRUM_CHANNEL:
            name = getattr(staff, "partName", None) or f"Part {number}"
            program = getattr(instrument, "midiProgram", None) or 0
            parts.append(Part(" ".join(name.split()), program, notes))
    if not parts:
        raise MelodyError(source, "no notes", "Give music with a melody")
    check_count(source, sum(len(part.notes) for part in parts))
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
        tidy_meters(meters),
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
            velocity = single.volume.velocity or DEFAULT_VELOCITY
            tied = single.tie is not None and single.tie.type in ("stop", "continue")
            if tied and pitch in sounding and notes[sounding[pitch]].end == start:
                place = sounding[pitch]
                notes[place] = notes[place]._replace(end=end)
            else:
                sounding[pitch] = len(notes)
                notes.append(Note(start, end, pitch, int(velocity)))
    return cut_overlaps(notes), graces


def _conductor_of_stream(stream, first, meters):
    """Turn tempo marks and signatures into MIDI messages, timed from the beginning."""
    marks = [(mark, mark.getQuarterBPM()) for mark in stream.recurse().getElementsByClass("MetronomeMark")]
    tempi = {_ticks(mark.getOffsetInHierarchy(stream)): bpm for mark, bpm in marks if bpm}
    tempi.setdefault(0, DEFAULT_TEMPO)
    message = mido.MetaMessage
    found = [message("set_tempo", tempo=tempo_of(bpm), time=tick) for tick, bpm in tempi.items()]
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

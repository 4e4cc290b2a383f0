"""MusicXML files and streams of music21, read with care."""

from __future__ import annotations

import warnings
from collections import Counter
from fractions import Fraction

import mido

from ..music.grid import PITCHES
from ..music.meter import Bar, Meter, tidy_meters
from ..music.theory import KEYS_BY_SHARPS, MINOR_KEYS_BY_SHARPS, NATURALS, OCTAVE
from .open_musicxml import ADVICE, open_musicxml
from .read_midi import DRUM_CHANNEL
from .read_signs import as_ticks, exact, read_repeats, read_signs
from .song import (
    DEFAULT_TEMPO,
    DEFAULT_VELOCITY,
    SCORE_TICKS,
    Key,
    MelodyError,
    Note,
    Part,
    Song,
    check_count,
    check_length,
    cut_overlaps,
    tempo_of,
)
from .split_staves import split_staves

MOST_SHARPS = 7


def read_musicxml(path, data, play_repeats=False, split=False):
    """Read all parts of a score that are no drums; parameters and errors as :func:`.read_midi`.

    ``play_repeats`` as for :func:`read_stream`. With ``split``, voices that share a staff are parts of their
    own, see :func:`.split_staves`.
    """
    from .quiet_music21 import music21  # here: it takes a second that MIDI need not wait for

    try:
        # Not `parse`, which would look for a pickle of an earlier time, and takes every text for UTF-8.
        root = open_musicxml(path, data)
        if split:
            split_staves(root)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # music21's, of bars that are too full
            stream = music21.musicxml.xmlToM21.MusicXMLImporter().xmlRootToScore(root)
        return read_stream(stream, str(path), play_repeats)
    except MelodyError:
        raise
    # The parser meets bad bytes with whatever exception they happen to cause.
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise MelodyError(path, f"cannot be read as MusicXML ({reason})", ADVICE) from error


def read_stream(stream, source, play_repeats=False):
    """Read a stream of music21; ties are joined, grace notes left out.

    Parameters
    ----------
    stream : music21 stream
    source : str
        For messages.
    play_repeats : bool
        Write out repeats, voltas and jumps in the order in which they are played. By default the music is
        taken as it stands on the page, and the repeats are kept as signs.

    Returns
    -------
    Song

    Raises
    ------
    MelodyError
        If there are no notes, or far too many.
    """
    remarks = []
    if any(instrument.transposition for instrument in stream.recurse().getElementsByClass("Instrument")):
        stream = stream.toSoundingPitch()
    if play_repeats:
        stream, remark = _play_repeats(stream)
        remarks += remark
    staves = list(getattr(stream, "parts", [])) or [stream]
    repeats = read_repeats(staves, numbers=not play_repeats)
    parts, graces = [], 0
    for number, staff in enumerate(staves):
        flat = staff.flatten()
        notes, spelling, short = _notes_of_staff(flat)
        graces += short
        instrument = flat.getElementsByClass("Instrument").first()
        if notes and getattr(instrument, "midiChannel", None) != DRUM_CHANNEL:
            name = getattr(staff, "partName", None) or f"Part {number}"
            program = getattr(instrument, "midiProgram", None) or 0
            signs = tuple(sorted([*read_signs(staff, flat), *repeats]))
            parts.append(Part(" ".join(name.split()), program, notes, signs=signs, spelling=spelling))
    if not parts:
        raise MelodyError(source, "no notes", "Give music with a melody")
    check_count(source, sum(len(part.notes) for part in parts))
    first = staves[0].flatten()
    signatures = first.getElementsByClass("TimeSignature")
    meters = [Meter(Fraction(exact(s.offset)), s.numerator, s.denominator) for s in signatures]
    keys = _keys_of_stream(first)
    bars, pickup = _bars_of(staves[0])
    check_length(source, as_ticks(bars[-1].end) if bars else 0, SCORE_TICKS)
    if graces:
        remarks.append(f"{graces} grace notes were left out.")
    if any(sign.kind in ("repeat", "jump") for sign in repeats):
        remarks.append(
            "Repeats are not played out: they stay signs in the score, and a MIDI file plays the page once."
        )
    data = getattr(stream, "metadata", None)
    return Song(
        source,
        parts,
        SCORE_TICKS,
        _conductor_of_stream(stream, keys, meters),
        tidy_meters(meters),
        pickup,
        tuple(remarks),
        keys=keys,
        bars=bars if any(bar.missing for bar in bars[1 if pickup else 0 :]) else None,
        title=_one_line(data and (data.title or data.movementName)),
        composer=_one_line(data and data.composer),
        copyright=_one_line(data and data.copyright),
        lyricist=_one_line(data and data.lyricist),
    )


def dropped(signs):
    """Say in one sentence what the reader met and could not keep; nothing if that is nothing.

    Parameters
    ----------
    signs : sequence of Sign

    Returns
    -------
    list of str
    """
    counts = Counter(sign.value for sign in signs if sign.kind == "dropped")
    return [f"Not kept: {', '.join(f'{n} × {kind}' for kind, n in counts.items())}."] if counts else []


def _one_line(text):
    return " ".join(str(text).split()) if text else ""


def _play_repeats(stream):
    """Write out what is played more than once: a stream, and a sentence about it."""
    parts = list(getattr(stream, "parts", [])) or [stream]
    marked = any(sign.kind in ("repeat", "jump") for sign in read_repeats(parts))
    try:
        _copy_jumps(parts)
        played = stream.expandRepeats() if marked else stream
    except Exception as error:  # music21 has many words for "these repeats make no sense"
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        return stream, [f"The repeats cannot be played ({reason}): taken as it stands on the page."]
    return played, ["Repeats are played out."] if marked else []


def _copy_jumps(parts):
    """Put words such as D.C., which stand above the uppermost staff, into all of them."""
    columns = zip(*(part.getElementsByClass("Measure") for part in parts), strict=False)
    for measures in columns:
        marks = [(m, list(m.getElementsByClass("RepeatExpression"))) for m in measures]
        found = {type(mark): mark for _, own in marks for mark in own}
        for measure, own in marks:
            for kind, mark in found.items():
                if kind not in [type(each) for each in own]:
                    measure.insert(min(mark.offset, measure.highestTime), type(mark)())


def _notes_of_staff(flat):
    """List the notes of a flat stream, ties joined, with their spelling, and count those without length."""
    sounding, notes, spelling, graces = {}, [], {}, 0
    for element in flat.notes:
        if "Harmony" in element.classes:
            continue  # music21 takes chord symbols for notes
        if element.quarterLength == 0:
            graces += 1
            continue
        start, end = as_ticks(element.offset), as_ticks(element.offset + element.quarterLength)
        if start < 0:
            raise ValueError("a note before the beginning")
        for single in getattr(element, "notes", (element,)):
            written = getattr(single, "pitch", None)
            pitch = getattr(written, "midi", None)
            if pitch is None or not 0 <= pitch < PITCHES:  # unpitched percussion, or beyond MIDI
                continue
            velocity = single.volume.velocity or DEFAULT_VELOCITY
            tied = single.tie is not None and single.tie.type in ("stop", "continue")
            if tied and pitch in sounding and notes[sounding[pitch]].end == start:
                place = sounding[pitch]
                notes[place] = notes[place]._replace(end=end)
                continue
            sounding[pitch] = len(notes)
            notes.append(Note(start, end, pitch, int(velocity)))
            alteration = round(written.alter)
            # Else a quarter tone, or three and more accidentals.
            if abs(alteration) <= 2 and (NATURALS[written.step] + alteration - pitch) % OCTAVE == 0:
                spelling[start, pitch] = (written.step, alteration)
    return cut_overlaps(notes), spelling, graces


def _keys_of_stream(flat):
    """List the key signatures, without those that change nothing: tuple of Key."""
    keys = {}
    for key in flat.getElementsByClass("KeySignature"):
        if key.sharps is not None and abs(key.sharps) <= MOST_SHARPS:
            beat = Fraction(exact(key.offset))
            keys[beat] = Key(beat, key.sharps, getattr(key, "mode", None))
    found = [keys[beat] for beat in sorted(keys)]
    return tuple(key for n, key in enumerate(found) if not n or key[1:] != found[n - 1][1:])


def _conductor_of_stream(stream, keys, meters):
    """Turn tempo marks and signatures into MIDI messages, timed from the beginning."""
    marks = [(mark, mark.getQuarterBPM()) for mark in stream.recurse().getElementsByClass("MetronomeMark")]
    tempi = {as_ticks(mark.getOffsetInHierarchy(stream)): bpm for mark, bpm in marks if bpm}
    tempi.setdefault(0, DEFAULT_TEMPO)
    message = mido.MetaMessage
    found = [message("set_tempo", tempo=tempo_of(bpm), time=tick) for tick, bpm in tempi.items()]
    for beat, numerator, denominator in meters:
        if denominator in (1, 2, 4, 8, 16, 32, 64) and 0 < numerator < 256:  # what MIDI can say
            meter = {"numerator": numerator, "denominator": denominator}
            found.append(message("time_signature", **meter, time=as_ticks(beat)))
    for beat, sharps, mode in keys:
        name = f"{MINOR_KEYS_BY_SHARPS[sharps]}m" if mode == "minor" else KEYS_BY_SHARPS[sharps]
        found.append(message("key_signature", key=name, time=as_ticks(beat)))
    return tuple(sorted(found, key=lambda message: message.time))


def _bars_of(staff):
    """List the bars of a staff, and the beats of a first one that is not full: tuple of Bar, Fraction."""
    bars = []
    for measure in staff.getElementsByClass("Measure"):
        start, length = exact(measure.offset), exact(measure.duration.quarterLength)
        signature = measure.timeSignature or measure.getContextByClass("TimeSignature")
        over, under = (signature.numerator, signature.denominator) if signature else (4, 4)
        if bars and bars[-1].end != start:  # a hole, or notes beyond the bar: its line is where the next is
            bars[-1] = bars[-1]._replace(end=start)
        if length > 0:
            bars.append(Bar(start, start + length, over, under))
    bars = tuple(bar for bar in bars if bar.end > bar.start)
    short = bars and bars[0].missing > 0
    return bars, bars[0].end - bars[0].start if short else Fraction(0)

"""MIDI files, read with care."""

from __future__ import annotations

import contextlib
import io
import re
from collections import Counter
from fractions import Fraction
from itertools import pairwise

import mido
import numpy as np

from ..music.grid import STEPS_PER_BEAT, quantize, to_steps
from ..music.meter import Meter, nearest_step, snap_meters, split_pickup, tidy_meters
from ..music.theory import KEYS_BY_SHARPS, MINOR_KEYS_BY_SHARPS
from .mend_midi import find_header, mend_chunks, mend_events
from .song import (
    LARGEST_MIDI,
    MICROSECONDS_PER_MINUTE,
    Key,
    MelodyError,
    Note,
    Part,
    Sign,
    Song,
    check_count,
    check_length,
    read_bytes,
)

DRUM_CHANNEL = 9  # General MIDI, counted from 0
MOST_TICKS_PER_BEAT = (1 << 15) - 1  # that a file can hold
CONDUCTOR = ("set_tempo", "time_signature", "key_signature", "marker", "cue_marker", "copyright")
WORDS = ("lyrics", "text")  # the first that there are
IN_TIME = 0.6  # of the words must begin with a note, or they are those of another part
KEPT = ("control_change", "pitchwheel", "aftertouch", "polytouch", "program_change", "instrument_name")
BLANKS = "/\\\r\n\t "  # beside words; strokes begin a line or a page of them
FIRST_SWITCH, RESET = 120, 121  # controllers
NOT_KEPT = {
    "sysex": "messages to one make of instrument (system exclusive)",
    "smpte_offset": "offsets of film",
}
# Bytes that each announce another one: the parser would read them as one number, slower and slower.
ENDLESS_NUMBER = re.compile(rb"[\x80-\xff]{4096}")


def read_midi(path, data):
    """Read all parts of a MIDI file that are no drums.

    Parameters
    ----------
    path : str or Path
        What to call the file in messages.
    data : bytes
        Its content.

    Returns
    -------
    Song

    Raises
    ------
    MelodyError
        Whatever is wrong with it.
    """
    midi, remarks = _parse(path, data)
    parts, drums, words = [], 0, []
    for number, track in enumerate(midi.tracks):
        name = name_of(track) or f"Track {number}"
        by_channel = {}
        for channel, note in notes_of(track):
            by_channel.setdefault(channel, []).append(note)
        drums += len(by_channel.pop(DRUM_CHANNEL, []))
        timed = _timed(track)
        if not by_channel:
            words += _words(timed)
        for channel, notes in sorted(by_channel.items()):
            label = name if len(by_channel) == 1 else f"{name}, channel {channel + 1}"
            parts.append(_part(label, notes, timed, channel))
    if not parts:
        raise MelodyError(path, "nothing but drums" if drums else "no notes", "Give a file with a melody")
    check_count(path, sum(len(part.notes) for part in parts))
    end = max(note.end for part in parts for note in part.notes)
    near = midi.ticks_per_beat // STEPS_PER_BEAT
    # What is said after the end of the music is ignored; it may stand at any time.
    conductor = tuple(message for message in conductor_of(midi) if message.time <= end)
    meters = [
        Meter(Fraction(message.time, midi.ticks_per_beat), message.numerator, message.denominator)
        for message in conductor
        if message.type == "time_signature"
    ]
    meters, moved = snap_meters(meters)
    meters, pickup = split_pickup(tidy_meters(meters))
    first = midi.tracks[0]
    return Song(
        str(path),
        [_with_words(part, words, end, near) for part in parts],
        midi.ticks_per_beat,
        conductor,
        meters,
        pickup,
        (*remarks, *moved, *_not_kept(midi)),
        keys=_keys(conductor, midi.ticks_per_beat),
        title=name_of(first) if not any(m.type == "note_on" for m in first) else "",
        copyright="; ".join(dict.fromkeys(m.text for m in conductor if m.type == "copyright")),
    )


def _part(name, notes, timed, channel):
    """Make a part of the notes of one channel, with all that its track says to it besides."""
    program = next((m.program for m in timed if m.type == "program_change" and m.channel == channel), 0)
    messages = tuple(m for m in timed if m.type in WORDS or (m.type in KEPT and _is_kept(m, channel)))
    return Part(name, program, sorted(notes), messages)


def _is_kept(message, channel):
    if message.is_meta:
        return True
    # From the switches on, controllers no longer shape a sound, but for one that resets the others.
    switch = message.type == "control_change" and message.control >= FIRST_SWITCH
    return message.channel == channel and (not switch or message.control == RESET)


def _timed(track):
    """List what a track holds besides notes, with ``time`` from the beginning and texts decoded."""
    now, timed = 0, []
    for message in track:
        now += message.time
        if message.type in KEPT or message.type in WORDS:
            text = {"text": decode_text(message.text)} if message.type in WORDS else {}
            timed.append(message.copy(time=now, **text))
    return timed


def _words(messages):
    """Pick the lyrics of a track, or, in karaoke files of the old kind, its texts."""
    for kind in WORDS:
        found = [m for m in messages if m.type == kind and m.text.strip() and not m.text.startswith("@")]
        if found:
            return found
    return []


def _with_words(part, words, end, near):
    """Note which words belong to which notes, and give a part the words of another track that fit it.

    Parameters
    ----------
    part : Part
    words : list of mido.MetaMessage
        Of tracks without notes.
    end : int
        The last tick; what is said later is said there.
    near : int
        Ticks by which a word may miss its note.
    """
    messages = tuple(m if m.time <= end else m.copy(time=end) for m in part.messages)
    own = _words(messages)
    start = np.unique([note.start for note in part.notes])
    signs = []
    for word, sign in zip(own or words, _syllables(own or words), strict=True):
        after = min(np.searchsorted(start, word.time), len(start) - 1)
        note = min(start[max(after - 1, 0)], start[after], key=lambda tick: abs(tick - word.time))
        if abs(note - word.time) <= near:
            signs.append(sign._replace(tick=int(note)))
    if len(signs) < max(1, IN_TIME * len(own or words)):
        return part._replace(messages=messages)
    return part._replace(messages=messages if own else (*messages, *words), signs=tuple(signs))


def _syllables(words):
    """Make signs of words: a hyphen says that a word goes on, or, in karaoke files, that no blank follows."""
    texts = [word.text for word in words]
    by_blanks = any(text != text.strip(BLANKS) for text in texts)
    goes_on = [
        text.rstrip().endswith("-")
        or (by_blanks and text == text.rstrip(BLANKS) and following == following.lstrip(BLANKS))
        for text, following in pairwise([*texts, " "])
    ]
    signs = []
    for word, went_on, more in zip(words, [False, *goes_on], goes_on, strict=False):
        detail = {(False, False): "single", (False, True): "begin", (True, True): "middle"}
        syllable = word.text.strip(BLANKS).removesuffix("-") + "-" * more
        signs.append(Sign(word.time, "lyric", syllable, detail=detail.get((went_on, more), "end")))
    return signs


def _keys(conductor, ticks_per_beat):
    """List the key signatures, as they come into force: tuple of Key."""
    keys = []
    for message in conductor:
        if message.type == "key_signature":
            minor = message.key.endswith("m")
            names = MINOR_KEYS_BY_SHARPS if minor else KEYS_BY_SHARPS
            sharps = next(sharps for sharps, name in names.items() if name == message.key.removesuffix("m"))
            beat = nearest_step(Fraction(message.time, ticks_per_beat))
            keys.append(Key(beat, sharps, "minor" if minor else "major"))
    return tuple(keys)


def _not_kept(midi):
    """Say in one sentence what no arrangement will hold: tuple of str, empty if there is nothing."""
    lost = Counter(message.type for track in midi.tracks for message in track)
    found = [f"{lost[kind]} {what}" for kind, what in NOT_KEPT.items() if lost[kind]]
    return (f"Not kept: {', '.join(found)}.",) if found else ()


def read_grid(path):
    """Read a MIDI file with one track a voice back into a grid: the inverse of :func:`write_midi`.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    grid : int8 array [step, voice]
    onset : bool array [step, voice]
    tempo : float
        Quarter notes per minute at the beginning.

    Raises
    ------
    MelodyError
        If the file is missing, unreadable or has no track.
    """
    midi = parse_midi(path)
    per_track = [[note for _, note in notes_of(track)] for track in midi.tracks]
    conductor = 1 if per_track and not per_track[0] else 0  # a first track that has no notes
    voices, per_track = midi.tracks[conductor:], per_track[conductor:]
    if not voices:
        raise MelodyError(path, "no track after the conductor's", "Give a file with one track a voice")
    ends = [sum(message.time for message in track) for track in voices]
    check_length(path, max(ends), midi.ticks_per_beat)
    check_count(path, sum(map(len, per_track)))
    steps = int(to_steps(max(ends), midi.ticks_per_beat))
    columns = [quantize(notes, midi.ticks_per_beat, steps) for notes in per_track]
    grid, onset = (np.stack(column, axis=-1) for column in zip(*columns, strict=True))
    return grid, onset, tempo_at(0, conductor_of(midi))


def parse_midi(path, data=None):
    """Parse a Standard MIDI File or say why not.

    Parameters
    ----------
    path : str or Path
        What to call the file in messages.
    data : bytes, optional
        Its content; read from ``path`` by default.

    Returns
    -------
    mido.MidiFile

    Raises
    ------
    MelodyError
        Whatever is wrong with it.
    """
    return _parse(path, read_bytes(path) if data is None else data)[0]


def _parse(path, data):
    """Parse a file as :func:`parse_midi` does: it, and what was mended, a tuple of sentences."""
    advice = "Give a Standard MIDI File (.mid) of type 0 or 1, or MusicXML"
    if find_header(data) < 0:
        raise MelodyError(path, "neither MIDI nor MusicXML by its first bytes", advice)
    if len(data) > LARGEST_MIDI:
        reason = f"{len(data) / 1e6:.1f} MB, where music takes at most {LARGEST_MIDI / 1e6:g}"
        raise MelodyError(path, reason, "Export the melody alone")
    data, remarks = mend_chunks(data)
    if ENDLESS_NUMBER.search(data):
        raise MelodyError(path, "a number without end where music should be", advice)
    midi, error = _try_to_parse(data)
    if error or any(message.type == "unknown_meta" for track in midi.tracks for message in track):
        data, mended = mend_events(data)
        if mended:
            midi, error = _try_to_parse(data)
            what = "message" if mended == 1 else "messages"
            remarks += (f"{mended} {what} that no player understands, passed over.",)
    if error:
        reason = "it ends too early" if isinstance(error, EOFError) else error or type(error).__name__
        raise MelodyError(path, f"cannot be read as MIDI ({reason})", advice) from error
    if midi.type == 2:
        raise MelodyError(path, "MIDI of type 2, songs side by side", advice)
    if midi.ticks_per_beat == 0:
        raise MelodyError(path, "its time is not counted: 0 ticks a beat", advice)
    if not 0 < midi.ticks_per_beat <= MOST_TICKS_PER_BEAT:
        reason = "its time is counted in frames per second (SMPTE), not in beats"
        raise MelodyError(path, reason, "Export it with a time in ticks per quarter note (PPQ)")
    return midi, remarks


def _try_to_parse(data):
    try:
        return mido.MidiFile(file=io.BytesIO(data), clip=True), None
    # The parser meets bad bytes with whatever exception they happen to cause.
    except Exception as error:
        return None, error


def notes_of(track):
    """List (channel, Note) of a track in order of their ends.

    A key that is struck again ends its note, as on a piano; one that is never let go sounds to the
    end of the track; notes without length are dropped. So no two notes of a channel and pitch overlap.
    """
    notes, sounding, struck_again, now = [], {}, {}, 0

    def release(key):
        start, velocity = sounding.pop(key)
        if start < now:
            notes.append((key[0], Note(start, now, key[1], velocity)))

    for message in track:
        now += message.time
        if message.type not in ("note_on", "note_off"):
            continue
        key = (message.channel, message.note)
        if message.type == "note_on" and message.velocity > 0:
            if key in sounding:
                release(key)
                struck_again[key] = now
            sounding[key] = (now, message.velocity)
        # Some programs write the end of a note after the next stroke of the same key.
        elif key in sounding and struck_again.get(key) != now:
            release(key)
    for key in list(sounding):
        release(key)
    return notes


def name_of(track):
    """Read the name of a track; empty if there is none."""
    return " ".join(decode_text(track.name).split())


def decode_text(text):
    """Read a text, which is UTF-8 or, in older files, Latin-1; what cannot be printed becomes a blank."""
    with contextlib.suppress(UnicodeError):
        text = text.encode("latin-1").decode("utf-8")
    return "".join(c if c.isprintable() or c in "\r\n" else " " for c in text)


def conductor_of(midi):
    """Collect tempi, signatures, markers and copyrights from all tracks, timed from the beginning.

    Parameters
    ----------
    midi : mido.MidiFile

    Returns
    -------
    tuple of mido.MetaMessage
        In order of time.
    """
    found = []
    for track in midi.tracks:
        now = 0
        for message in track:
            now += message.time
            if message.type in CONDUCTOR and getattr(message, "tempo", 1) > 0:
                text = {"text": decode_text(message.text)} if hasattr(message, "text") else {}
                found.append(message.copy(time=now, **text))
    return tuple(sorted(found, key=lambda message: message.time))


def tempo_at(tick, conductor):
    """Quarter notes per minute at a tick; 120 where nothing is said, by the standard."""
    tempi = [m.tempo for m in conductor if m.type == "set_tempo" and m.time <= tick]
    return MICROSECONDS_PER_MINUTE / (tempi[-1] if tempi else 500_000)

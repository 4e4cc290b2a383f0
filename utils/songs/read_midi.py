"""MIDI files, read with care."""

from __future__ import annotations

import io
import re
from fractions import Fraction

import mido
import numpy as np

from ..music.grid import quantize, to_steps
from ..music.meter import Meter, split_pickup, tidy_meters
from .song import (
    LARGEST_MIDI,
    MICROSECONDS_PER_MINUTE,
    MelodyError,
    Note,
    Part,
    Song,
    check_count,
    check_length,
    read_bytes,
)

DRUM_CHANNEL = 9  # General MIDI, counted from 0
MOST_TICKS_PER_BEAT = (1 << 15) - 1  # that a file can hold
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
    midi = parse_midi(path, data)
    parts, drums = [], 0
    for number, track in enumerate(midi.tracks):
        name = name_of(track) or f"Track {number}"
        by_channel = {}
        for channel, note in notes_of(track):
            by_channel.setdefault(channel, []).append(note)
        drums += len(by_channel.pop(DRUM_CHANNEL, []))
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
    check_count(path, sum(len(part.notes) for part in parts))
    end = max(note.end for part in parts for note in part.notes)
    # What is said after the end of the music is ignored; it may stand at any time.
    conductor = tuple(message for message in conductor_of(midi) if message.time <= end)
    meters = [
        Meter(Fraction(message.time, midi.ticks_per_beat), message.numerator, message.denominator)
        for message in conductor
        if message.type == "time_signature"
    ]
    meters, pickup = split_pickup(tidy_meters(meters))
    return Song(str(path), parts, midi.ticks_per_beat, conductor, meters, pickup)


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
    data = read_bytes(path) if data is None else data
    advice = "Give a Standard MIDI File (.mid) of type 0 or 1, or MusicXML"
    if not data.startswith(b"MThd"):
        raise MelodyError(path, "neither MIDI nor MusicXML by its first bytes", advice)
    if len(data) > LARGEST_MIDI:
        reason = f"{len(data) / 1e6:.1f} MB, where music takes at most {LARGEST_MIDI / 1e6:g}"
        raise MelodyError(path, reason, "Export the melody alone")
    if ENDLESS_NUMBER.search(data):
        raise MelodyError(path, "a number without end where music should be", advice)
    try:
        midi = mido.MidiFile(file=io.BytesIO(data), clip=True)
    # The parser meets bad bytes with whatever exception they happen to cause.
    except Exception as error:
        reason = "it ends too early" if isinstance(error, EOFError) else error or type(error).__name__
        raise MelodyError(path, f"cannot be read as MIDI ({reason})", advice) from error
    if midi.type == 2:
        raise MelodyError(path, "MIDI of type 2, songs side by side", advice)
    if not 0 < midi.ticks_per_beat <= MOST_TICKS_PER_BEAT:  # the upper half stands for film frames (SMPTE)
        raise MelodyError(path, f"its time is not counted in beats ({midi.ticks_per_beat})", advice)
    return midi


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
    """Read the name of a track, which is UTF-8 or, in older files, Latin-1; empty if there is none."""
    try:
        name = track.name.encode("latin-1").decode("utf-8")
    except UnicodeError:
        name = track.name
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())


def conductor_of(midi):
    """Collect tempi and signatures from all tracks, timed from the beginning.

    Parameters
    ----------
    midi : mido.MidiFile

    Returns
    -------
    tuple of mido.MetaMessage
        In order of time.
    """
    kinds = ("set_tempo", "time_signature", "key_signature")
    found = []
    for track in midi.tracks:
        now = 0
        for message in track:
            now += message.time
            if message.type in kinds and getattr(message, "tempo", 1) > 0:
                found.append(message.copy(time=now))
    return tuple(sorted(found, key=lambda message: message.time))


def tempo_at(tick, conductor):
    """Quarter notes per minute at a tick; 120 where nothing is said, by the standard."""
    tempi = [m.tempo for m in conductor if m.type == "set_tempo" and m.time <= tick]
    return MICROSECONDS_PER_MINUTE / (tempi[-1] if tempi else 500_000)

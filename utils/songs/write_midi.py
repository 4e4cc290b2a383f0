"""Notes and grids, written as MIDI files."""

from __future__ import annotations

import mido
import numpy as np

from ..music.grid import BEATS_PER_BAR, STEPS_PER_BEAT, grid_to_notes, voice_names
from ..path_utils import atomic_write
from .read_midi import DRUM_CHANNEL
from .song import DEFAULT_TEMPO, DEFAULT_VELOCITY, Note, tempo_of

TICKS_PER_STEP = 120  # 480 ticks a quarter note, what most music software writes
BANK = (0, 32)  # controllers
LONGEST_PAUSE = (1 << 28) - 1  # ticks between two events


def write_midi(path, grid, onset, tempo=DEFAULT_TEMPO, names=None, programs=None):
    """Write a grid as a MIDI file, one track a voice, repeated notes struck again.

    The file appears under its name only when it is complete. :func:`read_grid` is the inverse.

    Parameters
    ----------
    path : str or Path
    grid : int array [step, voice]
    onset : bool array [step, voice]
    tempo : float
        Quarter notes per minute, kept to a microsecond a quarter note.
    names : sequence of str, optional
        One a voice; as :func:`voice_names` has them by default.
    programs : sequence of int, optional
        General MIDI programs, one a voice; piano by default.

    Returns
    -------
    Path
    """
    conductor = (
        mido.MetaMessage("time_signature", numerator=BEATS_PER_BAR, denominator=4),
        mido.MetaMessage("set_tempo", tempo=tempo_of(tempo)),
    )
    names = names or voice_names(np.shape(grid)[1])
    ticks_per_beat = TICKS_PER_STEP * STEPS_PER_BEAT
    tracks = [
        (name, program, grid_to_ticks(grid[:, voice], onset[:, voice], ticks_per_beat))
        for voice, (name, program) in enumerate(zip(names, programs or [0] * len(names), strict=True))
    ]
    return write_tracks(path, tracks, conductor, ticks_per_beat, end=len(grid) * TICKS_PER_STEP)


def grid_to_ticks(grid, onset, ticks_per_beat):
    """List the notes of one voice in the ticks of a MIDI file.

    Parameters
    ----------
    grid : int array [step]
    onset : bool array [step]
    ticks_per_beat : int
        Ticks a quarter note.

    Returns
    -------
    list of Note
    """
    return [
        Note(
            start * ticks_per_beat // STEPS_PER_BEAT,
            end * ticks_per_beat // STEPS_PER_BEAT,
            pitch,
            DEFAULT_VELOCITY,
        )
        for start, end, pitch in grid_to_notes(grid, onset)
    ]


def write_tracks(path, tracks, conductor, ticks_per_beat, end=0, title=""):
    """Write notes as a MIDI file of type 1: a conductor's track, then one track a voice.

    Parameters
    ----------
    path : str or Path
    tracks : sequence of (name, program, notes) or (name, program, notes, messages)
        Notes in ticks, no two of a track with the same pitch at the same time. Messages are what else is
        said to the instrument, with ``time`` counted from the beginning.
    conductor : sequence of mido.MetaMessage
        Tempi and signatures; ``time`` counts ticks from the beginning.
    ticks_per_beat : int
    end : int
        The tick where every track ends, if its last note does not end later.
    title : str
        Of the song.

    Returns
    -------
    Path
    """
    channels = [channel for channel in range(16) if channel != DRUM_CHANNEL]
    midi = mido.MidiFile(ticks_per_beat=ticks_per_beat, charset="utf-8")
    named = [mido.MetaMessage("track_name", name=title)] if title else []
    midi.tracks.append(_to_track([*named, *(message.copy() for message in conductor)], end))
    for voice, (name, program, notes, *messages) in enumerate(tracks):
        channel = channels[voice % len(channels)]
        strokes = [
            mido.Message("note_on", channel=channel, note=note.pitch, velocity=velocity, time=tick)
            for note in notes
            for tick, velocity in ((note.start, note.velocity), (note.end, 0))
        ]
        own = [
            message if message.is_meta else message.copy(channel=channel)
            for message in (messages[0] if messages else ())
        ]
        bank = [message for message in own if _is_bank(message) and message.time == 0]
        repeated = mido.Message("program_change", channel=channel, program=program)
        own = [message for message in own if message not in (*bank, repeated)]
        # The end of a note, velocity 0, must come before the next stroke of the same key; what is said to the
        # instrument, before both.
        strokes.sort(key=lambda stroke: (stroke.time, stroke.note, stroke.velocity))
        events = sorted([*own, *strokes], key=lambda event: event.time)
        head = [
            mido.MetaMessage("track_name", name=name),
            *bank,
            repeated,
        ]
        midi.tracks.append(_to_track(head + events, end))
    return atomic_write(path, midi.save)


def _is_bank(message):
    """Tell whether a message chooses the bank that the next change of program refers to."""
    return message.type == "control_change" and message.control in BANK


def _to_track(messages, end):
    """Turn messages timed from the beginning, in order, into a track that lasts until ``end``."""
    last = max([end, *(message.time for message in messages)])
    track, now = mido.MidiTrack(), 0
    for message in [*messages, mido.MetaMessage("end_of_track", time=last)]:
        while message.time - now > LONGEST_PAUSE:
            track.append(mido.MetaMessage("marker", time=LONGEST_PAUSE))
            now += LONGEST_PAUSE
        track.append(message.copy(time=message.time - now))
        now = message.time
    return track

"""MIDI files, grids and piano rolls, and the ways between them.

Two canonical types carry all music in this project:

grid
    ``int8[..., step, voice]`` MIDI pitches, -1 where the voice rests, together with
    ``onset bool[..., step, voice]``, true where a note begins. A step is a sixteenth note.
piano roll
    ``float32 | int8 [..., step, pitch, track]``, +1 where a pitch sounds and -1 where it does not.
    This is the tongue of the networks. A roll alone cannot tell a repeated note from a held one.
"""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import NamedTuple

import mido
import numpy as np
import pretty_midi
import pypianoroll

from utils import path_utils

STEPS_PER_BEAT = 4
BEATS_PER_BAR = 4
STEPS_PER_BAR = STEPS_PER_BEAT * BEATS_PER_BAR
STEPS_PER_WINDOW = 2 * STEPS_PER_BAR
PITCHES = 128
REST = -1
VOICES = ("soprano", "alto", "tenor", "bass")
DEFAULT_TEMPO = 100.0  # quarter notes per minute
DEFAULT_VELOCITY = 80
TICKS_PER_STEP = 120  # 480 ticks a quarter note, what most music software writes
DRUM_CHANNEL = 9  # General MIDI, counted from 0
MICROSECONDS_PER_MINUTE = 60_000_000
MOST_TICKS_PER_BEAT = (1 << 15) - 1  # that a file can hold
LONGEST_PAUSE = (1 << 28) - 1  # ticks between two events
# Bounds of what is taken for music: an hour of it needs a tenth of that.
LARGEST_MIDI = 600_000  # bytes
LONGEST_BEATS = 25_000
MOST_NOTES = 100_000
# Bytes that each announce another one: the parser would read them as one number, slower and slower.
ENDLESS_NUMBER = re.compile(rb"[\x80-\xff]{4096}")


class MelodyError(ValueError):
    """No music can be had from a file, or from what stands for one.

    Attributes
    ----------
    path : str
        The file.
    reason, advice : str
        What is wrong with it, and what to do.
    """

    def __init__(self, path, reason, advice):
        super().__init__(f"{path}: {reason}. {advice}.")
        self.path, self.reason, self.advice = str(path), reason, advice


class Note(NamedTuple):
    """A note of a MIDI file, in its ticks from the beginning, end exclusive."""

    start: int
    end: int
    pitch: int
    velocity: int


def grid_to_roll(grid, dtype=np.float32):
    """Expand a grid into a piano roll.

    Parameters
    ----------
    grid : int array [..., step, voice]
        MIDI pitches 0..127, -1 = rest.
    dtype : numpy dtype
        Of the answer.

    Returns
    -------
    array [..., step, pitch=128, voice] in {-1, +1}
    """
    grid = np.asarray(grid)
    sounding = grid[..., None, :] == np.arange(PITCHES)[:, None]
    return np.where(sounding, 1, -1).astype(dtype)


def roll_to_grid(roll):
    """Keep the likeliest pitch of every step and track.

    Parameters
    ----------
    roll : array [..., step, pitch=128, track]
        Any real values; the largest one wins, the lowest pitch on a tie.

    Returns
    -------
    int8 array [..., step, track]
        The pitch, or -1 where no cell of that step and track is above 0.
    """
    roll = np.asarray(roll)
    pitch = roll.argmax(axis=-2)
    return np.where(roll.max(axis=-2) > 0, pitch, REST).astype(np.int8)


def onsets_of(grid):
    """Guess where notes begin: wherever a voice moves to a new pitch.

    Repeated notes fuse, which is all that can be said of a grid that came from a roll.

    Parameters
    ----------
    grid : int array [..., step, voice]

    Returns
    -------
    bool array [..., step, voice]
    """
    grid = np.asarray(grid)
    before = np.full_like(grid[..., :1, :], REST)
    moved = np.diff(grid, axis=-2, prepend=before) != 0
    return moved & (grid != REST)


def grid_to_notes(grid, onset):
    """List the notes of one voice.

    Parameters
    ----------
    grid : int array [step]
    onset : bool array [step]

    Returns
    -------
    list of (start, end, pitch)
        In steps, end exclusive, in order. A sounding step without an onset continues the note before
        it if the pitch is the same, and begins a note otherwise.
    """
    notes = []
    for step, (pitch, starts) in enumerate(zip(np.asarray(grid), np.asarray(onset), strict=True)):
        if pitch == REST:
            continue
        held = notes and notes[-1][1] == step and notes[-1][2] == pitch and not starts
        if held:
            notes[-1] = (notes[-1][0], step + 1, int(pitch))
        else:
            notes.append((step, step + 1, int(pitch)))
    return notes


def voice_names(voices):
    """Name the voices of a piece from the top: soprano to bass if they are four."""
    return VOICES if voices == len(VOICES) else tuple(f"voice {1 + voice}" for voice in range(voices))


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


def write_tracks(path, tracks, conductor, ticks_per_beat, end=0):
    """Write notes as a MIDI file of type 1: a conductor's track, then one track a voice.

    Parameters
    ----------
    path : str or Path
    tracks : sequence of (name, program, notes)
        Notes in ticks, no two of a track with the same pitch at the same time.
    conductor : sequence of mido.MetaMessage
        Tempi and signatures; ``time`` counts ticks from the beginning.
    ticks_per_beat : int
    end : int
        The tick where every track ends, if its last note does not end later.

    Returns
    -------
    Path
    """
    channels = [channel for channel in range(16) if channel != DRUM_CHANNEL]
    midi = mido.MidiFile(ticks_per_beat=ticks_per_beat, charset="utf-8")
    midi.tracks.append(_to_track([message.copy() for message in conductor], end))
    for voice, (name, program, notes) in enumerate(tracks):
        channel = channels[voice % len(channels)]
        strokes = [
            mido.Message("note_on", channel=channel, note=note.pitch, velocity=velocity, time=tick)
            for note in notes
            for tick, velocity in ((note.start, note.velocity), (note.end, 0))
        ]
        # The end of a note, velocity 0, must come before the next stroke of the same key.
        strokes.sort(key=lambda stroke: (stroke.time, stroke.note, stroke.velocity))
        head = [
            mido.MetaMessage("track_name", name=name),
            mido.Message("program_change", channel=channel, program=program),
        ]
        midi.tracks.append(_to_track(head + strokes, end))
    return path_utils.write_whole(path, midi.save)


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
    columns = [quantise(notes, midi.ticks_per_beat, steps) for notes in per_track]
    grid, onset = (np.stack(column, axis=-1) for column in zip(*columns, strict=True))
    return grid, onset, tempo_at(0, conductor_of(midi))


def save_pianoroll_as_midi(
    pianoroll,
    programs=None,
    is_drums=None,
    tempo=DEFAULT_TEMPO,
    beat_resolution=STEPS_PER_BEAT,
    destination_path=None,
):
    """Write a batch of piano rolls, one after the other, as one MIDI file.

    Every cell above 0 sounds, so that a raw roll is heard as it is. Repeated notes fuse: to keep them,
    write from a grid with :func:`write_midi`.

    Parameters
    ----------
    pianoroll : array [sample, step, pitch=128, track]
    programs, is_drums : sequences, one item a track, optional
        Pianos by default.
    tempo : float
        Quarter notes per minute.
    beat_resolution : int
        Steps per quarter note.
    destination_path : str or Path

    Returns
    -------
    Path
    """
    roll = np.asarray(pianoroll) > 0
    roll = roll.reshape(-1, *roll.shape[2:])
    names = voice_names(roll.shape[-1])
    programs, is_drums = programs or [0] * len(names), is_drums or [False] * len(names)
    tracks = [
        pypianoroll.BinaryTrack(name=name, program=program, is_drum=is_drum, pianoroll=roll[..., track])
        for track, (name, program, is_drum) in enumerate(zip(names, programs, is_drums, strict=True))
    ]
    multitrack = pypianoroll.Multitrack(
        resolution=beat_resolution, tempo=np.full(len(roll), float(tempo)), tracks=tracks
    )
    return path_utils.write_whole(destination_path, multitrack.write)


def load_pianoroll(path):
    """Read back what :func:`save_pianoroll_as_midi` wrote: all samples on end, as one piano roll.

    Parameters
    ----------
    path : str or Path
        At one tempo, with tracks named like ``VOICES``.

    Returns
    -------
    float32 array [step, pitch=128, track=4] in {-1, +1}
        As long as the music, in whole windows of two bars.
    """
    midi = pretty_midi.PrettyMIDI(str(path))
    steps_per_second = midi.get_tempo_changes()[1][0] / 60 * STEPS_PER_BEAT
    length = -(-round(midi.get_end_time() * steps_per_second) // STEPS_PER_WINDOW) * STEPS_PER_WINDOW
    roll = np.full((length, PITCHES, len(VOICES)), -1, np.float32)
    for instrument in midi.instruments:
        track = VOICES.index(instrument.name)
        for note in instrument.notes:
            start, end = (round(time * steps_per_second) for time in (note.start, note.end))
            roll[start:end, note.pitch, track] = 1
    return roll


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


# --- Reading with care -------------------------------------------------------


def read_bytes(path, largest=LARGEST_MIDI):
    """Read a file that may be anything.

    Parameters
    ----------
    path : str or Path
    largest : int
        Bytes; a longer file is refused unread.

    Returns
    -------
    bytes

    Raises
    ------
    MelodyError
        If there is no such file, or it cannot be read, is empty or too large.
    """
    try:
        if Path(path).is_dir():
            raise MelodyError(path, "a folder, not a file", "Give the name of a file in it")
        if not Path(path).is_file():
            raise MelodyError(path, "no such file", "Check the name and the folder")
        size = Path(path).stat().st_size
        if size > largest:
            reason = f"{size / 1e6:.1f} MB, where music takes at most {largest / 1e6:g}"
            raise MelodyError(path, reason, "Export the melody alone")
        data = Path(path).read_bytes()
    except (OSError, ValueError, RuntimeError) as error:
        if isinstance(error, MelodyError):
            raise
        # A name with a zero byte, a loop of links, a file of another user.
        raise MelodyError(path, f"cannot be read ({error})", "Check the name and its permissions") from error
    if not data:
        raise MelodyError(path, "an empty file", "Export it again")
    return data


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


def cut_overlaps(notes):
    """End every note where the next one of its pitch begins, and drop what has no length left.

    Parameters
    ----------
    notes : list of Note

    Returns
    -------
    list of Note
        In order of time.
    """
    cut, latest = [], {}
    for note in sorted(notes):
        before = latest.get(note.pitch)
        if before is not None and cut[before].end > note.start:
            cut[before] = cut[before]._replace(end=note.start)
        latest[note.pitch] = len(cut)
        cut.append(note)
    return [note for note in cut if note.start < note.end]


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


def tempo_of(bpm):
    """Microseconds a quarter note, within what MIDI can say."""
    return int(np.clip(round(MICROSECONDS_PER_MINUTE / bpm), 1, (1 << 24) - 1))


def check_length(path, tick, ticks_per_beat):
    """Raise a MelodyError if music goes on for longer than ``LONGEST_BEATS``."""
    if tick > LONGEST_BEATS * ticks_per_beat:
        reason = f"it lasts {tick / ticks_per_beat:,.0f} quarter notes, over {LONGEST_BEATS:,}"
        raise MelodyError(path, reason, "Cut it into parts")


def check_count(path, notes):
    """Raise a MelodyError if there are more than ``MOST_NOTES`` notes."""
    if notes > MOST_NOTES:
        raise MelodyError(path, f"{notes:,} notes, over {MOST_NOTES:,}", "Export the melody alone")


def to_steps(ticks, ticks_per_beat):
    """Round ticks to the nearest step, up from the middle."""
    return (2 * STEPS_PER_BEAT * np.asarray(ticks, np.int64) + ticks_per_beat) // (2 * ticks_per_beat)


def quantise(notes, ticks_per_beat, steps=0):
    """Place the notes of one voice on the grid.

    Every note takes at least a step; where two claim the same, the higher has it.

    Parameters
    ----------
    notes : sequence of Note
        In ticks.
    ticks_per_beat : int
    steps : int
        The least length of the grid.

    Returns
    -------
    grid : int8 array [step]
    onset : bool array [step]
    """
    notes = sorted(notes, key=lambda note: (note.pitch, note.start))
    start, end, pitch, _ = np.array(notes, np.int64).reshape(-1, 4).T
    start, end = to_steps(start, ticks_per_beat), to_steps(end, ticks_per_beat)
    end = np.maximum(end, start + 1)
    owner = np.full(max([steps, *end]), REST)
    for note, (first, last) in enumerate(zip(start, end, strict=True)):
        owner[first:last] = note
    grid = np.append(pitch, REST)[owner].astype(np.int8)
    _, first_seen = np.unique(owner, return_index=True)
    onset = np.zeros(len(owner), bool)
    onset[first_seen] = True
    return grid, onset & (owner != REST)

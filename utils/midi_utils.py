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

from dataclasses import dataclass
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
MELODY_NAMES = ("melody", "soprano", "vocal", "voice", "sing", "lead", "tune", "right", "treble")


class MelodyError(ValueError):
    """No music can be had from a file.

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


@dataclass(frozen=True, eq=False)
class Melody:
    """One voice read from a file: as the models see it, and as its owner wrote it.

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
    """

    grid: np.ndarray
    onset: np.ndarray
    tempo: float
    notes: tuple
    ticks_per_beat: int
    conductor: tuple
    track: str
    program: int


class _Part(NamedTuple):
    """The notes of one channel of one track."""

    name: str
    program: int
    notes: list


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


def write_midi(path, grid, onset, tempo=DEFAULT_TEMPO, names=VOICES, programs=None):
    """Write a grid as a MIDI file, one track a voice, repeated notes struck again.

    The file appears under its name only when it is complete. :func:`read_grid` is the inverse.

    Parameters
    ----------
    path : str or Path
    grid : int array [step, voice]
    onset : bool array [step, voice]
    tempo : float
        Quarter notes per minute, kept to a microsecond a quarter note.
    names : sequence of str
        One a voice.
    programs : sequence of int, optional
        General MIDI programs, one a voice; piano by default.

    Returns
    -------
    Path
    """
    conductor = (
        mido.MetaMessage("time_signature", numerator=BEATS_PER_BAR, denominator=4),
        mido.MetaMessage("set_tempo", tempo=round(MICROSECONDS_PER_MINUTE / tempo)),
    )
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
    midi = mido.MidiFile(ticks_per_beat=ticks_per_beat)
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
    midi = _load(path)
    per_track = [[note for _, note in _notes_of(track)] for track in midi.tracks]
    conductor = 1 if per_track and not per_track[0] else 0  # a first track that has no notes
    voices, per_track = midi.tracks[conductor:], per_track[conductor:]
    if not voices:
        raise MelodyError(path, "no track after the conductor's", "Give a file with one track a voice")
    ends = [sum(message.time for message in track) for track in voices]
    steps = int(_to_steps(max(ends), midi.ticks_per_beat))
    columns = [_quantise(notes, midi.ticks_per_beat, steps) for notes in per_track]
    grid, onset = (np.stack(column, axis=-1) for column in zip(*columns, strict=True))
    return grid, onset, _tempo_at(0, _conductor_of(midi))


def read_melody(path, track=None):
    """Read the melody of a whole song from a MIDI file.

    Drums are passed over. A track of several voices is reduced to its :func:`skyline`. Notes are
    placed on sixteenths by their ticks, so that changes of tempo do not move them. Silence before
    the first note is kept.

    Parameters
    ----------
    path : str or Path
        A Standard MIDI File of type 0 or 1.
    track : int, optional
        Which of the tracks with notes, counted from 0, drums not counted. By default the likeliest:
        of those that sound for at least half as long as the fullest, one that is named like a
        melody, or else the highest.

    Returns
    -------
    Melody

    Raises
    ------
    MelodyError
        If the file is missing, unreadable, without notes or with drums only, or if it has no such
        track.
    """
    midi = _load(path)
    parts, drums = _parts_of(midi)
    if not parts:
        reason = "nothing but drums" if drums else "no notes"
        raise MelodyError(path, reason, "Give a file with a melody")
    if track is not None and not 0 <= track < len(parts):
        choice = ", ".join(f"{i} {part.name} ({len(part.notes)} notes)" for i, part in enumerate(parts))
        raise MelodyError(path, f"no track {track}", f"Choose one of these, or none: {choice}")
    together = midi.ticks_per_beat // 16
    lines = [part._replace(notes=skyline(part.notes, together)) for part in parts]
    part = _likeliest(lines) if track is None else lines[track]
    grid, onset = _quantise(part.notes, midi.ticks_per_beat)
    conductor = _conductor_of(midi)
    return Melody(
        grid=grid,
        onset=onset,
        tempo=_tempo_at(part.notes[0].start, conductor),
        notes=tuple(part.notes),
        ticks_per_beat=midi.ticks_per_beat,
        conductor=conductor,
        track=part.name,
        program=part.program,
    )


def skyline(notes, together=0):
    """Reduce many voices to the upper one (Uitdenbogerd and Zobel 1999).

    Of notes that are struck together the highest stays, and of the others each that is the highest
    sounding one for at least half of its time. So a slow left hand does not show through the gaps
    between the notes of a detached melody, and a melody whose notes overlap a little is kept whole.

    Parameters
    ----------
    notes : list of Note
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
    for note in sorted(notes, key=lambda note: (-note.pitch, note.start)):
        first, last = np.searchsorted(edges, (note.start, note.end))
        above, free = since[first:last], since[first:last] == never
        in_chord = np.any(np.abs(above - note.start) <= together)
        if in_chord or 2 * width[first:last][free].sum() < note.end - note.start:
            continue
        above[free] = note.start
        kept.append(note)
    return sorted(kept)


def save_pianoroll_as_midi(
    pianoroll,
    programs=(0, 0, 0, 0),
    is_drums=(False, False, False, False),
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
    programs, is_drums : sequences, one item a track
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
    tracks = [
        pypianoroll.BinaryTrack(name=name, program=program, is_drum=is_drum, pianoroll=roll[..., track])
        for track, (name, program, is_drum) in enumerate(zip(VOICES, programs, is_drums, strict=True))
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
        track.append(message.copy(time=message.time - now))
        now = message.time
    return track


def _load(path):
    """Parse a MIDI file or say why not."""
    advice = "Give a Standard MIDI File (.mid) of type 0 or 1"
    if not Path(path).is_file():
        raise MelodyError(path, "no such file", "Check the name and the folder")
    try:
        midi = mido.MidiFile(str(path), clip=True)
    # The parser meets bad bytes with whatever exception they happen to cause.
    except Exception as error:
        raise MelodyError(
            path, f"cannot be read as MIDI ({error or type(error).__name__})", advice
        ) from error
    if midi.type == 2:
        raise MelodyError(path, "MIDI of type 2, songs side by side", advice)
    if not 0 < midi.ticks_per_beat < 1 << 15:  # the upper half stands for film frames (SMPTE)
        raise MelodyError(path, f"its time is not counted in beats ({midi.ticks_per_beat})", advice)
    return midi


def _notes_of(track):
    """List (channel, Note) of a track in order of their ends.

    A key that is struck again ends its note, as on a piano; one that is never let go sounds to the
    end of the track; notes without length are dropped.
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


def _parts_of(midi):
    """Split a file into parts with notes, in order; also the number of drum notes."""
    parts, drums = [], 0
    for number, track in enumerate(midi.tracks):
        name = " ".join(track.name.split()) or f"Track {number}"
        by_channel = {}
        for channel, note in _notes_of(track):
            by_channel.setdefault(channel, []).append(note)
        drums += len(by_channel.pop(DRUM_CHANNEL, []))
        programs = {
            message.channel: message.program
            for message in reversed(track)  # so that the first one stays
            if message.type == "program_change"
        }
        for channel, notes in sorted(by_channel.items()):
            parts.append(_Part(name, programs.get(channel, 0), sorted(notes)))
    return parts, drums


def _likeliest(lines):
    """Choose the part that is the melody, given the skyline of each."""
    length = [sum(note.end - note.start for note in line.notes) for line in lines]
    full = [line for line, ticks in zip(lines, length, strict=True) if 2 * ticks >= max(length)]

    def rank(line):
        named = any(word in line.name.lower() for word in MELODY_NAMES)
        return named, np.mean([note.pitch for note in line.notes])

    return max(full, key=rank)


def _conductor_of(midi):
    """Collect tempi and signatures from all tracks, timed from the beginning."""
    kinds = ("set_tempo", "time_signature", "key_signature")
    found = []
    for track in midi.tracks:
        now = 0
        for message in track:
            now += message.time
            if message.type in kinds and getattr(message, "tempo", 1) > 0:
                found.append(message.copy(time=now))
    return tuple(sorted(found, key=lambda message: message.time))


def _tempo_at(tick, conductor):
    """Quarter notes per minute; 120 where nothing is said, by the standard."""
    tempi = [m.tempo for m in conductor if m.type == "set_tempo" and m.time <= tick]
    return MICROSECONDS_PER_MINUTE / (tempi[-1] if tempi else 500_000)


def _to_steps(ticks, ticks_per_beat):
    """Round ticks to the nearest step, up from the middle."""
    return (2 * STEPS_PER_BEAT * np.asarray(ticks, np.int64) + ticks_per_beat) // (2 * ticks_per_beat)


def _quantise(notes, ticks_per_beat, steps=0):
    """Place notes on a grid of at least ``steps`` steps: (int8 [step], bool [step]).

    Every note takes at least a step; where two claim the same, the higher has it.
    """
    notes = sorted(notes, key=lambda note: (note.pitch, note.start))
    start, end, pitch, _ = np.array(notes, np.int64).reshape(-1, 4).T
    start, end = _to_steps(start, ticks_per_beat), _to_steps(end, ticks_per_beat)
    end = np.maximum(end, start + 1)
    owner = np.full(max([steps, *end]), REST)
    for note, (first, last) in enumerate(zip(start, end, strict=True)):
        owner[first:last] = note
    grid = np.append(pitch, REST)[owner].astype(np.int8)
    _, first_seen = np.unique(owner, return_index=True)
    onset = np.zeros(len(owner), bool)
    onset[first_seen] = True
    return grid, onset & (owner != REST)

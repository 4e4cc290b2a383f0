"""Music as the lesson handles it: grids, piano rolls and MIDI files, and the ways between them."""

from __future__ import annotations

import numpy as np

from .music.grid import (
    PITCHES,
    REST,
    STEPS_PER_BAR,
    STEPS_PER_BEAT,
    STEPS_PER_WINDOW,
    VOICES,
    grid_to_roll,
    onsets_of,
    roll_to_grid,
    voice_names,
)
from .path_utils import atomic_write
from .songs.read_midi import read_grid
from .songs.song import DEFAULT_TEMPO
from .songs.write_midi import write_midi

__all__ = [
    "PITCHES",
    "REST",
    "STEPS_PER_BAR",
    "STEPS_PER_BEAT",
    "STEPS_PER_WINDOW",
    "VOICES",
    "grid_to_roll",
    "load_pianoroll",
    "onsets_of",
    "read_grid",
    "roll_to_grid",
    "save_pianoroll_as_midi",
    "write_midi",
]


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
    import pypianoroll  # here, because it takes seconds that nobody else should wait for

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
    return atomic_write(destination_path, multitrack.write)


def load_pianoroll(path):
    """Read back what :func:`save_pianoroll_as_midi` wrote: all samples on end, as one piano roll.

    Parameters
    ----------
    path : str or Path
        At one tempo, with a track a voice, each with a name of its own.

    Returns
    -------
    float32 array [step, pitch=128, track] in {-1, +1}
        As long as the music, in whole windows of two bars.
    """
    import mido
    import pretty_midi

    midi = pretty_midi.PrettyMIDI(str(path))
    # Of tracks without notes pretty_midi says nothing; the first one is the conductor's, without a name.
    names = [track.name for track in mido.MidiFile(path).tracks if track.name]
    steps_per_second = midi.get_tempo_changes()[1][0] / 60 * STEPS_PER_BEAT
    length = -(-round(midi.get_end_time() * steps_per_second) // STEPS_PER_WINDOW) * STEPS_PER_WINDOW
    roll = np.full((length, PITCHES, len(names)), -1, np.float32)
    for instrument in midi.instruments:
        track = names.index(instrument.name)
        for note in instrument.notes:
            start, end = (round(time * steps_per_second) for time in (note.start, note.end))
            roll[start:end, note.pitch, track] = 1
    return roll

"""An arrangement: a melody with voices below it, and how it is written."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import mido
import numpy as np

from ..music.grid import STEPS_PER_BEAT, grid_to_notes, voice_names
from ..music.meter import bar_lines
from ..songs.melody import Melody, breath_marks, notated, notated_signs
from ..songs.read_midi import MOST_TICKS_PER_BEAT
from ..songs.song import MICROSECONDS_PER_MINUTE, MIDI_ENDINGS, SCORES_TO_WRITE, tempo_of
from ..songs.write_midi import grid_to_ticks, write_tracks


@dataclass(frozen=True, eq=False)
class Arrangement:
    """A melody with voices below it, or around it.

    Attributes
    ----------
    grid : int8 array [step, voice]
        MIDI pitches, -1 = rest; voice 0 is the melody, the others follow from the top.
    onset : bool array [step, voice]
    melody : Melody
        As its owner wrote it.
    scores : dict of str to float
        ``price``: what the decoder paid per step, lower is better. ``critic``: the critic's score,
        higher is better, if there was one to ask.
    report : tuple of str
        What was done to read and to place the melody, a sentence each.
    place : int
        Which voice the melody is, counted from the top.
    noise : float32 array [bar, ...], optional
        That the generator heard: with it :func:`.harmonize_takes` finds this take again, or one beside it.
    """

    grid: np.ndarray
    onset: np.ndarray
    melody: Melody
    scores: dict
    report: tuple = ()
    place: int = 0
    noise: np.ndarray | None = None

    @property
    def names(self):
        """What the voices are called, in the order of ``grid``: tuple of str."""
        names = voice_names(self.grid.shape[1])
        return (self.melody.track, *names[: self.place], *names[self.place + 1 :])

    @property
    def bars(self):
        """Steps where bars begin: int array [bar]."""
        return bar_lines(self.melody.meters, self.melody.pickup, len(self.grid), self.melody.bars)

    def write(self, path, programs=None, tempo=None):
        """Write a MIDI file or a score: the owner's melody as it is, then the other voices.

        Parameters
        ----------
        path : str or Path
            ``.mid`` or ``.midi``; ``.musicxml`` or ``.xml`` for a score.
        programs : sequence of int, optional
            General MIDI programs, 0..127, one a voice. By default the melody keeps its own and the others are
            pianos.
        tempo : float, optional
            Quarter notes per minute throughout, in place of the melody's own tempi.

        Returns
        -------
        Path

        Raises
        ------
        ValueError
            For another ending, or if there is not one possible program a voice.
        """
        ending = Path(path).suffix.lower()
        voices = self.grid.shape[1]
        own = [self.melody.program] + [0] * (voices - 1)
        if programs and (len(programs) != voices or not all(0 <= program < 128 for program in programs)):
            raise ValueError(f"programs={programs}; give {voices} numbers in 0..127, one a voice")
        if ending in SCORES_TO_WRITE:
            return self._write_score(path, programs or own, tempo)
        if ending not in MIDI_ENDINGS:
            known = ", ".join((*MIDI_ENDINGS, *SCORES_TO_WRITE))
            raise ValueError(f"Cannot write {path}: the ending is {ending!r}, expected one of {known}.")
        # Where a beat has no whole number of ticks for each sixteenth, count in finer ticks.
        finer = math.lcm(self.melody.ticks_per_beat, STEPS_PER_BEAT) // self.melody.ticks_per_beat
        if finer * self.melody.ticks_per_beat > MOST_TICKS_PER_BEAT:
            finer = 1  # so fine already that nobody hears the rest
        ticks_per_beat = finer * self.melody.ticks_per_beat
        melody = self.melody
        conductor = [message.copy(time=finer * message.time) for message in self._conductor(tempo)]
        notes = [note._replace(start=finer * note.start, end=finer * note.end) for note in melody.notes]
        messages = [
            message.copy(time=finer * message.time)
            for message in melody.messages
            if not (programs and message.type == "program_change")
        ]
        lower = [
            grid_to_ticks(self.grid[:, voice], self.onset[:, voice], ticks_per_beat)
            for voice in range(1, voices)
        ]
        tracks = list(zip(self.names, programs or own, [notes, *lower], strict=True))
        tracks[0] = (*tracks[0], messages)
        return write_tracks(path, tracks, conductor, ticks_per_beat, title=melody.title)

    def _conductor(self, tempo):
        own = self.melody.conductor
        if tempo is None:
            return own
        set_tempo = mido.MetaMessage("set_tempo", tempo=tempo_of(tempo))
        return (set_tempo, *(message for message in own if message.type != "set_tempo"))

    def _write_score(self, path, programs, tempo):
        from ..songs.score import write_musicxml  # here, so that MIDI need not wait for it

        melody, ticks = self.melody, self.melody.ticks_per_beat
        parts = []
        for voice in range(1, len(programs)):
            notes = grid_to_notes(self.grid[:, voice], self.onset[:, voice])
            in_beats = [
                (Fraction(start, STEPS_PER_BEAT), Fraction(end, STEPS_PER_BEAT), pitch)
                for start, end, pitch in notes
            ]
            parts.append((programs[voice], in_beats))
        parts.insert(self.place, (programs[0], notated(melody)))
        # Singers' names for all, whatever the melody's track was called.
        names = [name.capitalize() for name in voice_names(len(parts))]
        tempi = [
            (Fraction(message.time, ticks), MICROSECONDS_PER_MINUTE / message.tempo)
            for message in self._conductor(tempo)
            if message.type == "set_tempo"
        ]
        signs, spelling = notated_signs(melody)
        return write_musicxml(
            path,
            [(name, *part) for name, part in zip(names, parts, strict=True)],
            melody.meters,
            tempi or [(0, 120.0)],
            melody.pickup,
            title=melody.title,
            keys=melody.keys,
            bars=melody.bars,
            signs=[*signs, *breath_marks(melody)],
            spelling=spelling,
            composer=melody.composer,
            lyricist=melody.lyricist,
            rights=melody.copyright,
            tune=self.place,
        )

"""An arrangement: what somebody gave, with voices set to it, and how it is written."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import mido
import numpy as np

from ..music.grid import STEPS_PER_BEAT, grid_to_notes, voice_names
from ..music.meter import bar_lines
from ..songs.chords import chord_signs
from ..songs.join_lines import in_ticks, join_line
from ..songs.melody import Melody, breath_marks, notated, notated_signs
from ..songs.read_midi import MOST_TICKS_PER_BEAT
from ..songs.song import MICROSECONDS_PER_MINUTE, MIDI_ENDINGS, SCORES_TO_WRITE, tempo_of
from ..songs.write_midi import grid_to_ticks, write_tracks


@dataclass(frozen=True, eq=False)
class Arrangement:
    """A melody, and whatever else was given, with voices set to it.

    Attributes
    ----------
    grid : int8 array [step, voice]
        MIDI pitches, -1 = rest; voices from the top, the melody among them.
    onset : bool array [step, voice]
    melody : Melody
        The tune as its owner wrote it.
    scores : dict of str to float
        ``price``: what the decoder paid per step, lower is better. ``critic``: the critic's score,
        higher is better, if there was one to ask.
    report : tuple of str
        What was done to read and to place the melody, a sentence each.
    place : int
        Which voice the melody is, counted from the top.
    noise : float32 array [bar, ...], optional
        That the generator heard: with it :func:`.harmonize_takes` finds this take again, or one beside it.
    kept : bool array [step, voice], optional
        What was given and stays; by default the melody alone.
    parts : dict of int to Melody
        Other parts by their voice, as their owners wrote them. Where they are kept, they are written so.
    chords : tuple of Chord
        That were asked for.
    closeness : float
        How closely they were followed.
    previous : Arrangement, optional
        From which this one was made anew in part.
    """

    grid: np.ndarray
    onset: np.ndarray
    melody: Melody
    scores: dict
    report: tuple = ()
    place: int = 0
    noise: np.ndarray | None = None
    kept: np.ndarray | None = None
    parts: dict = field(default_factory=dict)
    chords: tuple = ()
    closeness: float = 1.0
    previous: Arrangement | None = None

    @property
    def names(self):
        """What the voices are called, in the order of ``grid``: tuple of str."""
        owned, names = self._owned, voice_names(self.grid.shape[1])
        return tuple(owned[voice].track if voice in owned else name for voice, name in enumerate(names))

    @property
    def bars(self):
        """Steps where bars begin: int array [bar]."""
        return bar_lines(self.melody.meters, self.melody.pickup, len(self.grid), self.melody.bars)

    @property
    def given(self):
        """What was given and stays: bool array [step, voice]."""
        if self.kept is not None:
            return self.kept
        return np.broadcast_to(np.arange(self.grid.shape[1]) == self.place, self.grid.shape)

    def redo(self, bars=None, voices=None, seed=0, **options):
        """Write some bars of some voices anew, and nothing else: see :func:`.takes.redo`."""
        from .takes import redo  # here, because takes are arrangements

        return redo(self, bars, voices, seed, **options)

    def change(self, voice, at, pitch, **options):
        """Change one note, and let the other voices follow: see :func:`.takes.change`."""
        from .takes import change

        return change(self, voice, at, pitch, **options)

    def write(self, path, programs=None, tempo=None, chords=False):
        """Write a MIDI file or a score: what was given as it is, and the other voices.

        Parameters
        ----------
        path : str or Path
            ``.mid`` or ``.midi``; ``.musicxml`` or ``.xml`` for a score.
        programs : sequence of int, optional
            General MIDI programs, 0..127, one a voice, from the top. By default what was given keeps its own
            and the others are pianos.
        tempo : float, optional
            Quarter notes per minute throughout, in place of the melody's own tempi.
        chords : bool
            Write chord symbols above a score: those that were asked for, else those that are heard.

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
        own = [self._owned[voice].program if voice in self._owned else 0 for voice in range(voices)]
        if programs and (len(programs) != voices or not all(0 <= program < 128 for program in programs)):
            raise ValueError(f"programs={programs}; give {voices} numbers in 0..127, one a voice")
        if ending in SCORES_TO_WRITE:
            return self._write_score(path, programs or own, tempo, chords)
        if ending not in MIDI_ENDINGS:
            known = ", ".join((*MIDI_ENDINGS, *SCORES_TO_WRITE))
            raise ValueError(f"Cannot write {path}: the ending is {ending!r}, expected one of {known}.")
        ticks = self._ticks_per_beat()
        tracks = []
        for voice, (name, program) in enumerate(zip(self.names, programs or own, strict=True)):
            line = self._line(voice, ticks)
            if isinstance(line, Melody):
                said = [m for m in line.messages if not (programs and m.type == "program_change")]
                tracks.append((name, program, line.notes, said))
            else:
                tracks.append((name, program, line))
        finer = Fraction(ticks, self.melody.ticks_per_beat)
        conductor = [message.copy(time=round(finer * message.time)) for message in self._conductor(tempo)]
        return write_tracks(path, tracks, conductor, ticks, title=self.melody.title)

    @property
    def _owned(self):
        """Parts by their voice that somebody wrote: dict of int to Melody."""
        return {**self.parts, self.place: self.melody}

    def _line(self, voice, ticks_per_beat):
        """Make what is written of a voice: a Melody if somebody owns it, else a list of Note."""
        grid, onset = self.grid[:, voice], self.onset[:, voice]
        if voice not in self._owned:
            return grid_to_ticks(grid, onset, ticks_per_beat)
        line = in_ticks(self._owned[voice], ticks_per_beat)
        return line if self.kept is None else join_line(line, grid, onset, self.kept[:, voice])

    def _ticks_per_beat(self):
        """Choose ticks that are whole for everybody's notes and for sixteenths, as far as a file can."""
        own = self.melody.ticks_per_beat
        everybody = math.lcm(*(melody.ticks_per_beat for melody in self._owned.values()))
        finer = (math.lcm(everybody, STEPS_PER_BEAT), everybody, math.lcm(own, STEPS_PER_BEAT))
        # What is too fine for a file is so fine that nobody hears the rest.
        return next((ticks for ticks in finer if ticks <= MOST_TICKS_PER_BEAT), own)

    def _conductor(self, tempo):
        own = self.melody.conductor
        if tempo is None:
            return own
        set_tempo = mido.MetaMessage("set_tempo", tempo=tempo_of(tempo))
        return (set_tempo, *(message for message in own if message.type != "set_tempo"))

    def _write_score(self, path, programs, tempo, chords):
        from ..songs.score import write_musicxml  # here, so that MIDI need not wait for it

        melody, ticks = self.melody, self._ticks_per_beat()
        # Singers' names for all, whatever the tracks of their owners were called.
        names = [name.capitalize() for name in voice_names(len(programs))]
        parts, owned = [], {}
        for voice, (name, program) in enumerate(zip(names, programs, strict=True)):
            line = self._line(voice, ticks)
            if isinstance(line, Melody):
                owned[voice] = notated_signs(line)
                parts.append((name, program, notated(line)))
            else:
                notes = grid_to_notes(self.grid[:, voice], self.onset[:, voice])
                beats = [(Fraction(a, STEPS_PER_BEAT), Fraction(b, STEPS_PER_BEAT), p) for a, b, p in notes]
                parts.append((name, program, beats))
        tempi = [
            (Fraction(message.time, melody.ticks_per_beat), MICROSECONDS_PER_MINUTE / message.tempo)
            for message in self._conductor(tempo)
            if message.type == "set_tempo"
        ]
        signs, spelling = owned.pop(self.place)
        return write_musicxml(
            path,
            parts,
            melody.meters,
            tempi or [(0, 120.0)],
            melody.pickup,
            title=melody.title,
            chords=chord_signs(self.chords) or True if chords else False,
            keys=melody.keys,
            bars=melody.bars,
            signs=[*signs, *breath_marks(melody)],
            spelling=spelling,
            composer=melody.composer,
            lyricist=melody.lyricist,
            rights=melody.copyright,
            tune=self.place,
            owned=owned,
        )

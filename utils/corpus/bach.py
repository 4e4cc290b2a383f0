"""Bach's chorales, from music21's corpus to the files of ``dataset/`` and ``original_midi/``."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from ..music.grid import REST, STEPS_PER_BEAT, VOICES
from ..path_utils import DATASET_DIR, MIDI_DIR
from ..songs.write_midi import write_midi
from .pieces import CHORALES_FILE, Chorale, save_chorales
from .roll_files import ROLL_FILES, save_rolls
from .splits import assign_splits
from .windows import opening_windows

SPLIT_FILE = "jsb_split.csv"


def read_chorale(name):
    """Read soprano, alto, tenor and bass of one of music21's Bach chorales.

    Parameters
    ----------
    name : str
        ``bwv66.6``, or with an ending where the corpus holds several files of that name.

    Returns
    -------
    Chorale
        With an empty ``split``. Notes are rounded to sixteenths; tied notes are one note.
    """
    from ..songs.quiet_music21 import music21  # here: it takes a second that training need not wait for

    file = name if name.endswith((".krn", ".xml")) else f"{name}.mxl"
    score = music21.corpus.parse(f"bach/{file}")
    parts = {voice: _part(score, voice) for voice in VOICES}
    grids, onsets = zip(*(_read_part(part) for part in parts.values()), strict=True)
    length = max(map(len, grids))
    grid = np.full((length, len(VOICES)), REST, np.int8)
    onset = np.zeros((length, len(VOICES)), bool)
    for voice, (pitches, starts) in enumerate(zip(grids, onsets, strict=True)):
        grid[: len(pitches), voice] = pitches
        onset[: len(starts), voice] = starts
    soprano = parts["soprano"]
    meters = dict.fromkeys(t.ratioString for t in soprano.recurse().getElementsByClass("TimeSignature"))
    key = score.analyze("key")
    return Chorale(
        name,
        split="",
        meter="+".join(meters),
        grid=grid,
        onset=onset,
        bars=_full_bars(soprano),
        tonic=key.tonic.pitchClass,
        mode=key.mode,
        sharps=soprano.recurse().getElementsByClass("KeySignature").first().sharps,
        phrase_ends=_under_fermatas(soprano),
    )


def _part(score, voice):
    # Some scores add horns or a continuo, with every part named; those without names have four parts.
    if len(score.parts) == len(VOICES):
        return score.parts[VOICES.index(voice)]
    return next(part for part in score.parts if part.partName.strip().lower().startswith(voice))


def _read_part(part):
    notes = []
    for note in part.recurse().notes:
        start = note.getOffsetInHierarchy(part) * STEPS_PER_BEAT
        end = start + note.quarterLength * STEPS_PER_BEAT
        tied = note.tie is not None and note.tie.type in ("stop", "continue")
        notes.append((round(start), round(end), max(pitch.midi for pitch in note.pitches), not tied))
    grid = np.full(max(end for _, end, _, _ in notes), REST, np.int8)
    onset = np.zeros(len(grid), bool)
    for start, end, pitch, struck in notes:
        if start < end:  # a grace note takes no time on the grid
            # One tie of the corpus (bwv362, bar 20) ends on another pitch.
            onset[start] = struck or grid[start - 1] != pitch
            grid[start:end] = pitch
    return grid, onset


def _under_fermatas(part):
    """List the steps where notes under a fermata begin; of tied notes, where the first of them does."""
    starts, begun = [], 0
    for note in part.recurse().notes:
        if note.tie is None or note.tie.type == "start":
            begun = round(note.getOffsetInHierarchy(part) * STEPS_PER_BEAT)
        if any(type(expression).__name__ == "Fermata" for expression in note.expressions):
            starts.append(begun)
    return np.unique(np.array(starts, np.int32))


def _full_bars(part):
    """List the steps where full bars begin; the two halves of a bar split by a repeat are one bar."""
    measures = list(part.getElementsByClass("Measure"))
    starts, index = [], 0
    while index < len(measures):
        bar = measures[index]
        length, full = bar.duration.quarterLength, bar.barDuration.quarterLength
        rest = measures[index + 1].duration.quarterLength if index + 1 < len(measures) else 0
        halves = index > 0 and length < full and length + rest == full
        if length == full or halves:
            starts.append(round(bar.offset * STEPS_PER_BEAT))
        index += 2 if halves else 1
    return np.array(starts, np.int32)


def read_published_splits(path=DATASET_DIR / SPLIT_FILE):
    """Read which published split names which chorale: a dict of name to split."""
    with Path(path).open(newline="") as file:
        return {row["chorale"]: row["jsb_split"] for row in csv.DictReader(file)}


def build_dataset(dataset_dir=DATASET_DIR, midi_dir=MIDI_DIR):
    """Rebuild every data file from music21's corpus, byte for byte.

    Parameters
    ----------
    dataset_dir : str or Path
        Holds ``jsb_split.csv``; receives ``chorales.npz``, ``train.npy``, ``valid.npy``, ``eval.npy``.
    midi_dir : str or Path
        Receives ``MIDI-0.mid`` .. ``MIDI-228.mid``.

    Returns
    -------
    list of Chorale
    """
    from tqdm.auto import tqdm

    published = read_published_splits(Path(dataset_dir) / SPLIT_FILE)
    chorales = [read_chorale(name) for name in tqdm(published, "Reading chorales")]
    chorales = assign_splits(chorales, published)
    save_chorales(Path(dataset_dir) / CHORALES_FILE, chorales)
    for split, file in ROLL_FILES.items():
        cuts = opening_windows([c for c in chorales if c.split == split])
        save_rolls(Path(dataset_dir) / file, np.stack([grid for grid, _ in cuts]))
        if split == "train":
            for index, (grid, onset) in enumerate(tqdm(cuts, "Writing MIDI files")):
                write_midi(Path(midi_dir) / f"MIDI-{index}.mid", grid, onset)
    return chorales

"""A folder of your own music, made into training and evaluation files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..music.grid import STEPS_PER_BAR, STEPS_PER_BEAT, quantize, to_steps
from ..music.meter import bar_lines
from ..path_utils import atomic_write
from ..songs.find_melody import choose, skyline
from ..songs.melody import read_song
from ..songs.song import SCORES_TO_READ, MelodyError
from .pieces import Piece
from .roll_files import ROLL_FILES, save_rolls
from .splits import split_at_random
from .windows import window_starts, windows

VOICE_COUNTS = range(2, 9)  # of the user's own music


def build_own_dataset(folder, output, tracks=None, held_out=0.1, seed=0):
    """Make training and evaluation files of a folder of your own music.

    Parameters
    ----------
    folder, tracks
        As for :func:`read_pieces`.
    output : str or Path
        Receives ``train.npy``, ``valid.npy``, ``eval.npy`` with every two-bar window of their pieces, and
        ``report.txt``.
    held_out : float
        Share of the pieces to validate by, and as much again to judge the end result by, above 0 and below
        a third. Pieces that share a harmonization stay on one side.
    seed : int
        Decides which pieces those are.

    Returns
    -------
    dict of str to (int, int)
        By split: pieces and windows.
    report : list of str
        Which files were passed over, and why; what was done to others.

    Raises
    ------
    ValueError
        If the folder gives fewer than three pieces that have nothing in common, or ``held_out`` is no such
        share.
    """
    if not 0 < held_out < 1 / 3:
        raise ValueError(f"held_out={held_out}; give a share above 0 and below a third")
    pieces, report = read_pieces(folder, tracks)
    pieces = split_at_random(pieces, held_out, seed)
    counts = {}
    for split, file in ROLL_FILES.items():
        own = [piece for piece in pieces if piece.split == split]
        grid, _ = windows(own)
        save_rolls(Path(output) / file, grid)
        counts[split] = (len(own), len(grid))
    lines = [f"{split}: {n} pieces, {m} windows" for split, (n, m) in counts.items()]
    text = "\n".join([*lines, *report, *(f"{piece.split}: {piece.name}" for piece in pieces)]) + "\n"
    atomic_write(Path(output) / "report.txt", lambda name: Path(name).write_text(text, encoding="utf-8"))
    return counts, report


def read_pieces(folder: str | Path, tracks: Sequence | None = None) -> tuple[list[Piece], list[str]]:
    """Read a folder of music in bars of four beats.

    Parameters
    ----------
    folder : str or Path
        Of MIDI files (.mid, .midi) or scores (.musicxml, .xml, .mxl).
    tracks : sequence of (int or str), optional
        Which part sings which voice, the melody first: numbers from 0, or pieces of the parts' names. By
        default all parts with notes, drums left out, in the order of the file. Of parts that play several
        notes at once the highest stays.

    Returns
    -------
    pieces : list of Piece
        All of as many voices, 2 to 8, each with a window, without a split. File by file, in the order of
        their names, shorter names first.
    report : list of str
        Which files were passed over, and why.

    Raises
    ------
    ValueError
        If the folder gives no two-bar window.
    """
    from tqdm.auto import tqdm

    endings = (".mid", ".midi", *SCORES_TO_READ)
    files = [file for file in Path(folder).glob("*") if file.suffix.lower() in endings]
    files.sort(key=lambda file: (len(file.name), file.name))  # MIDI-9 before MIDI-10
    found, report = [], []
    for file in tqdm(files, "Reading music", disable=len(files) < 50):
        try:
            found.append(_read_piece(file, tracks))
        except MelodyError as error:
            report.append(str(error))
    if not found:
        raise ValueError(
            f"{folder} gives no two-bar window: {len(files)} files of music found, none fits. "
            "Put MIDI or MusicXML there with one part a voice, in bars of four beats. " + " ".join(report[:5])
        )
    voices = Counter(piece.grid.shape[1] for piece in found).most_common(1)[0][0]
    for piece in found:
        if piece.grid.shape[1] != voices:
            report.append(f"{piece.name}: {piece.grid.shape[1]} voices, but most files have {voices}.")
    return [piece for piece in found if piece.grid.shape[1] == voices], report


def _read_piece(file, tracks):
    song = read_song(file)
    parts = song.parts if tracks is None else [choose(song, track)[0] for track in tracks]
    if len(parts) not in VOICE_COUNTS:
        names = ", ".join(part.name for part in parts[:12])
        advice = f"Give {VOICE_COUNTS[0]} to {VOICE_COUNTS[-1]}, the melody first, or name the tracks"
        raise MelodyError(file, f"voices: {len(parts)} ({names})", advice)
    meters = dict.fromkeys(f"{meter.numerator}/{meter.denominator}" for meter in song.meters)
    if any(meter.steps != STEPS_PER_BAR for meter in song.meters):
        raise MelodyError(file, f"bars of {' and '.join(meters)}", "Give music in 4/4 throughout")
    lines = [skyline(part.notes, song.ticks_per_beat // 16) for part in parts]
    end = max(note.end for line in lines for note in line)
    steps = int(to_steps(end, song.ticks_per_beat))
    steps += -(steps - round(song.pickup * STEPS_PER_BEAT)) % STEPS_PER_BAR  # a last bar ends in rests
    columns = [quantize(line, song.ticks_per_beat, steps) for line in lines]
    grid, onset = (
        np.stack([part[:steps] for part in column], axis=-1) for column in zip(*columns, strict=True)
    )
    bars = bar_lines(song.meters, song.pickup, steps, song.bars).astype(np.int32)
    piece = Piece(str(file), "", "+".join(meters), grid, onset, bars)
    if not window_starts(piece):
        advice = "Fill the gaps, or leave the resting voices out"
        raise MelodyError(file, "no two bars on end in which every voice sings", advice)
    return piece

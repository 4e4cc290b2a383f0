"""From scores to training batches.

``python -m utils.dataset_utils`` rebuilds ``dataset/`` and ``original_midi/`` from music21's corpus; with
two folders it makes data files of your own music.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from .corpus.bach import build_dataset
from .corpus.own_music import build_own_dataset, read_pieces
from .corpus.roll_files import ROLL_FILES, load_rolls
from .corpus.windows import windows
from .music.registers import all_pitches
from .training.batches import batches, count_voices, load_reference, load_windows, registers
from .training.shards import write_shards

__all__ = [
    "ROLL_FILES",
    "all_pitches",
    "batches",
    "build_dataset",
    "build_own_dataset",
    "count_voices",
    "load_reference",
    "load_rolls",
    "load_windows",
    "read_pieces",
    "registers",
    "windows",
    "write_shards",
]


def main(arguments=None):
    """Rebuild the project's data, or make data files of your own music."""
    parser = argparse.ArgumentParser(
        prog="python -m utils.dataset_utils",
        description="Without arguments: rebuild dataset/ and original_midi/ from music21's corpus. With two "
        "folders: make train.npy, valid.npy and eval.npy of your own music.",
    )
    parser.add_argument("folder", nargs="?", type=Path, help="your MIDI or MusicXML files")
    parser.add_argument("output", nargs="?", type=Path, help="where the data files go")
    parser.add_argument("--tracks", nargs="+", help="which part sings which voice: numbers from 0 or names")
    parser.add_argument(
        "--held-out", type=float, default=0.1, help="share to validate by, and to test by (0.1)"
    )
    parser.add_argument("--seed", type=int, default=0, help="decides which pieces are held out (0)")
    chosen = parser.parse_args(arguments)
    if chosen.folder is None:
        build_dataset()
        return
    if chosen.output is None:
        parser.error("say where the data files go: a second folder")
    tracks = chosen.tracks and [int(t) if t.isdecimal() else t for t in chosen.tracks]
    try:
        counts, report = build_own_dataset(chosen.folder, chosen.output, tracks, chosen.held_out, chosen.seed)
    except ValueError as error:
        parser.exit(1, f"{error}\n")
    print(*report, sep="\n")
    for split, (pieces, cuts) in counts.items():
        print(f"{chosen.output / ROLL_FILES[split]}: {pieces} pieces, {cuts} windows")


if __name__ == "__main__":
    main()

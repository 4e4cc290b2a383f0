"""Chorales to windows, windows to batches: everything between a score and a training step.

``python -m utils.dataset_utils`` rebuilds ``dataset/`` and ``original_midi/`` from music21's corpus; with
two folders it makes data files of your own music.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import zipfile
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tensorflow as tf

from utils import melody_utils, meter_utils, midi_utils, path_utils, shard_utils
from utils.midi_utils import REST, STEPS_PER_BAR, STEPS_PER_BEAT, STEPS_PER_WINDOW, VOICES

DATASET_DIR = Path("dataset")
MIDI_DIR = Path("original_midi")
CHORALES_FILE = "chorales.npz"
SPLIT_FILE = "jsb_split.csv"
ROLL_FILES = {"train": "train.npy", "valid": "valid.npy", "test": "eval.npy"}
TRAINING_CHORALES = 229
# Two harmonisations that share this much of their bars, up to transposition, are one (see README).
FAMILY_SHARE = 0.15
VOICE_COUNTS = range(2, 9)  # of the user's own music
TRANSPOSITIONS = tuple(range(-6, 6))  # semitones: every key once


@dataclass(frozen=True)
class Chorale:
    """A four-part piece on the grid.

    Attributes
    ----------
    name : str
        As in music21's corpus, ``bwv66.6``.
    split : str
        ``train``, ``valid`` or ``test``.
    meter : str
        Time signatures in order, ``4/4`` or ``3/4+4/4``.
    tonic, mode : int, str
        Pitch class 0..11 and ``major`` or ``minor``, by music21's key analysis.
    grid : int8 array [step, voice]
    onset : bool array [step, voice]
    bars : int array [bar]
        The step where each full bar begins. A pickup is no full bar.
    """

    name: str
    split: str
    meter: str
    tonic: int
    mode: str
    grid: np.ndarray
    onset: np.ndarray
    bars: np.ndarray


# --- From the corpus ---------------------------------------------------------


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
    from utils.quiet_music21 import music21  # here: it takes a second that training need not wait for

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
        name, "", "+".join(meters), key.tonic.pitchClass, key.mode, grid, onset, _full_bars(soprano)
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


# --- Windows -----------------------------------------------------------------


def window_starts(chorale):
    """List where two whole bars begin in which no voice rests for a bar.

    Parameters
    ----------
    chorale : Chorale

    Returns
    -------
    list of int
        Steps, in order. Only bars of sixteen steps count, so a piece in 3/4 has none.
    """
    bars = set(chorale.bars.tolist())
    starts = []
    for start in sorted(bars):
        window = chorale.grid[start : start + STEPS_PER_WINDOW]
        whole = len(window) == STEPS_PER_WINDOW
        # A bar that another one interrupts is no bar of 4/4.
        begun = bars & set(range(start, start + STEPS_PER_WINDOW))
        if whole and begun == {start, start + STEPS_PER_BAR} and _every_bar_sounds(window):
            starts.append(start)
    return starts


def _every_bar_sounds(window):
    bars = window.reshape(-1, STEPS_PER_BAR, window.shape[-1])
    return bool((bars != REST).any(axis=1).all())


def windows(chorales):
    """Cut every two-bar window out of some chorales.

    Parameters
    ----------
    chorales : iterable of Chorale

    Returns
    -------
    grid : int8 array [sample, step=32, voice=4]
    onset : bool array [sample, step=32, voice=4]
    """
    places = [(c, slice(s, s + STEPS_PER_WINDOW)) for c in chorales for s in window_starts(c)]
    return np.stack([c.grid[w] for c, w in places]), np.stack([c.onset[w] for c, w in places])


def opening_windows(chorales):
    """Cut one window out of each chorale: the first that no chorale before it has, in any key.

    Parameters
    ----------
    chorales : iterable of Chorale
        Those without a window are passed over.

    Returns
    -------
    list of (grid int8 [step=32, voice], onset bool [step=32, voice])
    """
    seen, cuts = set(), []
    for chorale in chorales:
        spans = [slice(start, start + STEPS_PER_WINDOW) for start in window_starts(chorale)]
        prints = [frozenset(phrases(chorale.grid[span], STEPS_PER_WINDOW)) for span in spans]
        fresh = [place for place, fingerprint in enumerate(prints) if fingerprint not in seen]
        if spans:
            chosen = fresh[0] if fresh else 0
            seen.add(prints[chosen])
            cuts.append((chorale.grid[spans[chosen]], chorale.onset[spans[chosen]]))
    return cuts


# --- Splits without leaks ----------------------------------------------------


def phrases(grid, length=STEPS_PER_BAR):
    """Fingerprint each bar-long stretch of four voices, a beat apart, whatever its key.

    Parameters
    ----------
    grid : int array [step, voice]
    length : int
        Steps.

    Returns
    -------
    set of bytes
        Empty for a piece shorter than ``length``.
    """
    prints = set()
    for start in range(0, len(grid) - length + 1, STEPS_PER_BEAT):
        stretch = grid[start : start + length].astype(int)
        sounding = stretch[stretch != REST]
        if len(sounding):
            relative = np.where(stretch == REST, midi_utils.PITCHES, stretch - sounding[0])
            prints.add(relative.astype(np.int16).tobytes())
    return prints


def shared_phrases(prints):
    """Find which pieces have four-voice phrases in common.

    Parameters
    ----------
    prints : dict of str to set
        From :func:`phrases`, by name.

    Returns
    -------
    dict of (name, name) to float
        The share of the shorter piece that the other one has too, 0..1; pairs without any left out.
    """
    owners = defaultdict(set)
    for name, own in prints.items():
        for fingerprint in own:
            owners[fingerprint].add(name)
    common = defaultdict(int)
    for names in owners.values():
        for pair in itertools.combinations(sorted(names), 2):
            common[pair] += 1
    return {(a, b): n / min(len(prints[a]), len(prints[b])) for (a, b), n in common.items()}


def families(chorales, share=FAMILY_SHARE):
    """Group chorales that share a harmonisation.

    Parameters
    ----------
    chorales : list of Chorale
    share : float
        Least share of common phrases, 0..1.

    Returns
    -------
    dict of str to frozenset of str
        The family of every name; most have only themselves.
    """
    family = {c.name: frozenset([c.name]) for c in chorales}
    for (a, b), common in shared_phrases({c.name: phrases(c.grid) for c in chorales}).items():
        if common >= share:
            united = family[a] | family[b]
            family.update(dict.fromkeys(united, united))
    return family


def assign_splits(chorales, published, training=TRAINING_CHORALES):
    """Put every chorale on one side, with its whole family.

    The published test pieces and their families are the test split. Of the others with a two-bar window
    in 4/4, ``training`` train: first those of the published training split and their families, then
    those that no published split names, then as many of the published validation split as are missing.
    The rest validate. Pieces without a window follow their published split.

    Parameters
    ----------
    chorales : list of Chorale
    published : dict of str to str
        ``train``, ``valid``, ``test`` or ``unmatched`` by name.
    training : int

    Returns
    -------
    list of Chorale
        In the given order.
    """
    family = families(chorales)
    usable = {c.name for c in chorales if window_starts(c)}
    split = {}
    for chorale in chorales:
        if published[chorale.name] == "test":
            split.update(dict.fromkeys(family[chorale.name], "test"))
    for wanted in ("train", "unmatched", "valid"):
        for name in (c.name for c in chorales if published[c.name] == wanted and c.name not in split):
            room = training - sum(split.get(n) == "train" for n in usable)
            fits = len(family[name] & usable) <= room and (name in usable or wanted != "valid")
            split.update(dict.fromkeys(family[name], "train" if fits else "valid"))
    return [replace(c, split=split[c.name]) for c in chorales]


# --- Files -------------------------------------------------------------------


def save_chorales(path, chorales):
    """Write chorales into one compressed file that any NumPy can read, without pickle.

    Parameters
    ----------
    path : str or Path
    chorales : list of Chorale
    """
    arrays = {
        "name": np.array([c.name for c in chorales]),
        "split": np.array([c.split for c in chorales]),
        "meter": np.array([c.meter for c in chorales]),
        "tonic": np.array([c.tonic for c in chorales], np.int8),
        "mode": np.array([c.mode for c in chorales]),
        "steps": np.array([len(c.grid) for c in chorales], np.int32),
        "grid": np.concatenate([c.grid for c in chorales]),
        "onset": np.packbits(np.concatenate([c.onset for c in chorales]), axis=0),
        "bar_count": np.array([len(c.bars) for c in chorales], np.int32),
        "bars": np.concatenate([c.bars for c in chorales]),
    }
    path_utils.write_whole(path, lambda name: np.savez_compressed(name, **arrays))


def load_chorales(path=DATASET_DIR / CHORALES_FILE, split=None):
    """Read the corpus.

    Parameters
    ----------
    path : str or Path
        Written by :func:`save_chorales`.
    split : str, optional
        ``train``, ``valid`` or ``test``; all by default.

    Returns
    -------
    list of Chorale

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no file of chorales.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path} is missing. `make dataset` builds it.")
    try:
        with np.load(path, allow_pickle=False) as stored:
            chorales = _unpack_chorales({key: stored[key] for key in stored.files})
    # NumPy and zipfile meet bad bytes with whatever exception they happen to cause.
    except Exception as error:
        raise ValueError(
            f"{path} cannot be read ({error}); expected an .npz of chorales. `make dataset` rebuilds it."
        ) from error
    return [c for c in chorales if split in (None, c.split)]


def _unpack_chorales(file):
    onset = np.unpackbits(file["onset"], axis=0, count=len(file["grid"])).astype(bool)
    step_ends, bar_ends = np.cumsum(file["steps"])[:-1], np.cumsum(file["bar_count"])[:-1]
    pieces = zip(
        *(file[key].tolist() for key in ("name", "split", "meter", "tonic", "mode")),
        np.split(file["grid"], step_ends),
        np.split(onset, step_ends),
        np.split(file["bars"], bar_ends),
        strict=True,
    )
    return list(itertools.starmap(Chorale, pieces))


def save_rolls(path, grid):
    """Write windows as the piano rolls of the lesson.

    Parameters
    ----------
    path : str or Path
        ``.npy``.
    grid : int array [sample, step=32, voice]
    """
    rolls = midi_utils.grid_to_roll(grid, np.int8)
    path_utils.write_whole(path, lambda name: np.save(name, rolls, allow_pickle=False))


def load_rolls(path):
    """Read piano rolls and make sure that they are some.

    Parameters
    ----------
    path : str or Path
        ``.npy``, written by :func:`save_rolls` or by yourself.

    Returns
    -------
    int8 array [sample, step=32, pitch=128, track] in {-1, +1}

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no ``.npy`` file, or its shape or values are not those of piano rolls.
    """
    steps, pitches = STEPS_PER_WINDOW, midi_utils.PITCHES
    expected = f"piano rolls of shape (samples, {steps} steps, {pitches} pitches, tracks)"
    cure = "`make dataset` rebuilds the project's own files; for your own music see chapter 10."
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path} is missing; expected {expected}. {cure}")
    try:
        rolls = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is no array on its own ({error}); expected {expected}. {cure}") from error
    shape = getattr(rolls, "shape", "several arrays")  # which an .npz holds
    if len(shape) != 4 or shape[1:3] != (steps, pitches) or 0 in shape:
        raise ValueError(f"{path} holds {shape}; expected {expected}. {cure}")
    if not np.isin(rolls, (-1, 1)).all():
        values = np.unique(rolls)[:5].tolist()
        raise ValueError(f"{path} holds values like {values}; a piano roll has only -1 and +1. {cure}")
    return rolls.astype(np.int8)


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
                midi_utils.write_midi(Path(midi_dir) / f"MIDI-{index}.mid", grid, onset)
    return chorales


# --- Your own music ----------------------------------------------------------


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
        a third. Pieces that share a harmonisation stay on one side.
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
    pieces = _split_at_random(pieces, held_out, seed)
    counts = {}
    for split, file in ROLL_FILES.items():
        own = [piece for piece in pieces if piece.split == split]
        grid, _ = windows(own)
        save_rolls(Path(output) / file, grid)
        counts[split] = (len(own), len(grid))
    lines = [f"{split}: {n} pieces, {m} windows" for split, (n, m) in counts.items()]
    text = "\n".join([*lines, *report, *(f"{piece.split}: {piece.name}" for piece in pieces)]) + "\n"
    path_utils.write_whole(
        Path(output) / "report.txt", lambda name: Path(name).write_text(text, encoding="utf-8")
    )
    return counts, report


def read_pieces(folder, tracks=None):
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
    pieces : list of Chorale
        All of as many voices, 2 to 8, each with a window; without a split and with a key of C major, which
        nobody has looked for. File by file, in the order of their names, shorter names first.
    report : list of str
        Which files were passed over, and why.

    Raises
    ------
    ValueError
        If the folder gives no two-bar window.
    """
    from tqdm.auto import tqdm

    endings = (".mid", ".midi", *melody_utils.SCORE_ENDINGS)
    files = [file for file in Path(folder).glob("*") if file.suffix.lower() in endings]
    files.sort(key=lambda file: (len(file.name), file.name))  # MIDI-9 before MIDI-10
    found, report = [], []
    for file in tqdm(files, "Reading music", disable=len(files) < 50):
        try:
            found.append(_read_piece(file, tracks))
        except midi_utils.MelodyError as error:
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
    song = melody_utils.read_song(file)
    parts = song.parts if tracks is None else [melody_utils.choose(song, track)[0] for track in tracks]
    if len(parts) not in VOICE_COUNTS:
        names = ", ".join(part.name for part in parts[:12])
        advice = f"Give {VOICE_COUNTS[0]} to {VOICE_COUNTS[-1]}, the melody first, or name the tracks"
        raise midi_utils.MelodyError(file, f"voices: {len(parts)} ({names})", advice)
    meters = dict.fromkeys(f"{meter.numerator}/{meter.denominator}" for meter in song.meters)
    if any(meter.steps != STEPS_PER_BAR for meter in song.meters):
        raise midi_utils.MelodyError(file, f"bars of {' and '.join(meters)}", "Give music in 4/4 throughout")
    lines = [melody_utils.skyline(part.notes, song.ticks_per_beat // 16) for part in parts]
    end = max(note.end for line in lines for note in line)
    steps = int(midi_utils.to_steps(end, song.ticks_per_beat))
    steps += -(steps - round(song.pickup * STEPS_PER_BEAT)) % STEPS_PER_BAR  # a last bar ends in rests
    columns = [midi_utils.quantise(line, song.ticks_per_beat, steps) for line in lines]
    grid, onset = (
        np.stack([part[:steps] for part in column], axis=-1) for column in zip(*columns, strict=True)
    )
    bars = meter_utils.bar_lines(song.meters, song.pickup, steps).astype(np.int32)
    piece = Chorale(str(file), "", "+".join(meters), 0, "major", grid, onset, bars)
    if not window_starts(piece):
        advice = "Fill the gaps, or leave the resting voices out"
        raise midi_utils.MelodyError(file, "no two bars on end in which every voice sings", advice)
    return piece


def _split_at_random(pieces, held_out, seed):
    """Hold pieces out for validation and test, at least one of each, with all that share their music."""
    alike = list(dict.fromkeys(families(pieces).values()))
    if len(alike) < len(ROLL_FILES):
        raise ValueError(
            f"{len(pieces)} pieces, of which {len(alike)} have nothing in common: at least {len(ROLL_FILES)} "
            "are needed, to train, to validate and to test by. Add more music."
        )
    order = np.random.default_rng(seed).permutation(len(alike))
    split = dict.fromkeys((piece.name for piece in pieces), "train")
    wanted, place = max(1, round(held_out * len(pieces))), 0
    for side in ("valid", "test"):
        taken = 0
        # A family is left for each side that is still to come.
        while taken < wanted and place < len(alike) - (2 if side == "valid" else 1):
            family = alike[order[place]]
            split.update(dict.fromkeys(family, side))
            taken, place = taken + len(family), place + 1
    return [replace(piece, split=split[piece.name]) for piece in pieces]


def count_voices(path):
    """Count the voices of data of any kind, as :func:`load_windows` gives them."""
    if Path(path).is_dir():
        return shard_utils.Shards(path).voices
    if str(path).endswith(".npz"):
        return len(VOICES)
    return load_rolls(path).shape[-1]


def check_alike(data, valid):
    """Make sure that networks trained on one file can be judged by another.

    Parameters
    ----------
    data, valid : str or Path
        As for :func:`load_windows`.

    Raises
    ------
    ValueError
        If they have different numbers of voices.
    """
    voices, judged = count_voices(data), count_voices(valid)
    if voices != judged:
        raise ValueError(
            f"{data} has {voices} voices, {valid} has {judged}, so the networks could not be judged by it. "
            "Name a validation file of the same music; `python -m utils.dataset_utils` makes both."
        )


# --- Batches -----------------------------------------------------------------


def load_windows(path):
    """Read training windows from any kind of data.

    Parameters
    ----------
    path : str or Path
        A ``.npy`` of piano rolls; a ``.npz`` of whole chorales, of which every two-bar window of the
        training split is taken; or a folder of shards, which stay on disk until they are needed.

    Returns
    -------
    int8 array [sample, step=32, voice] or shard_utils.Shards
        Pitches, -1 = rest.

    Raises
    ------
    FileNotFoundError, ValueError
        If the file is missing or malformed, or if a track of a roll sings two notes at once.
    """
    if Path(path).is_dir():
        return shard_utils.Shards(path)
    if str(path).endswith(".npz"):
        return windows(load_chorales(path, "train"))[0]
    rolls = load_rolls(path)
    grid = midi_utils.roll_to_grid(rolls)
    if not np.array_equal(midi_utils.grid_to_roll(grid, np.int8), rolls):
        raise ValueError(
            f"{path} has tracks that sing several notes at once; keep one note per track and step."
        )
    return grid


def batches(grid, batch_size, seed, transpose=False, start=0, parts=1, served=range(1)):
    """Serve shuffled batches of piano rolls without end.

    Batch ``k`` depends on ``seed`` and ``k`` alone: shuffling is a keyed permutation of every epoch, not a
    buffer. So a run that resumes with ``start=k`` sees what it would have seen, and nothing has to be saved.
    Windows stay small grids until the last step.

    Parameters
    ----------
    grid : int8 array [sample, step, voice] or shard_utils.Shards
    batch_size : int
    seed : int
    transpose : bool
        Move every sample by a random -6..+5 semitones.
    start : int
        The first batch to serve.
    parts : int
        Cut every batch into so many, for as many replicas.
    served : range
        Which of the parts to serve, one after the other.

    Returns
    -------
    tf.data.Dataset of int8 tensors [batch_size // parts, step, pitch=128, voice] in {-1, +1}
        A quarter of the room that float32 would take.

    Raises
    ------
    ValueError
        If a batch cannot be cut into so many equal parts.
    """
    if batch_size % parts:
        raise ValueError(
            f"A batch of {batch_size} cannot be shared equally by {parts} replicas. "
            f"Choose a multiple of {parts} as batch_size, or use fewer devices."
        )
    last, part = len(grid) - 1, batch_size // parts
    streamed = isinstance(grid, shard_utils.Shards)
    if streamed:
        read, shape = grid.reader(batch_size, seed), (part, STEPS_PER_WINDOW, grid.voices)
    else:
        grid = tf.constant(grid, tf.int32)

    def choose(index):
        turn, place = index // part, index % part
        position = turn // len(served) * batch_size + (served.start + turn % len(served)) * part + place
        lowest, highest = TRANSPOSITIONS[0], TRANSPOSITIONS[-1]
        shift = tf.random.stateless_uniform((), (seed, position), lowest, highest + 1, tf.int32)
        epoch, place = position // (last + 1), position % (last + 1)
        sample = position if streamed else tf.random.experimental.index_shuffle(place, (seed, epoch), last)
        return sample, shift if transpose else 0

    def look_up(samples):
        if streamed:
            found = tf.ensure_shape(tf.numpy_function(read, [samples], tf.int8), shape)
            return tf.cast(found, tf.int32)
        return tf.gather(grid, samples)

    def expand(samples, shift):
        pitches = look_up(samples)
        pitches = tf.where(pitches == REST, REST, pitches + shift[:, None, None])
        sounding = pitches[..., None, :] == tf.range(midi_utils.PITCHES)[:, None]
        return tf.where(sounding, tf.constant(1, tf.int8), tf.constant(-1, tf.int8))

    indices = tf.data.Dataset.counter(start * len(served) * part)
    chosen = indices.map(choose).batch(part, drop_remainder=True)
    return chosen.map(expand, num_parallel_calls=2).prefetch(4)


def load_reference(path, most=1000):
    """Load real windows, as piano rolls, that measures of generated ones are held against.

    Parameters
    ----------
    path : str or Path
        As for :func:`load_windows`.
    most : int
        All windows if they are no more than that, else so many of them.

    Returns
    -------
    int8 array [sample, step=32, pitch=128, voice] in {-1, +1}
    """
    grid = load_windows(path)
    return next(iter(batches(grid, min(most, len(grid)), seed=0))).numpy()


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

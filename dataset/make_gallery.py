"""Arrange the melodies of the gallery: ``make gallery``.

Writes every melody as MIDI, its arrangement by the shipped networks beside it (``*_bach.mid``), and what the
measures that need no reference say (``gallery.json``). The melodies are old and in the public domain. They
are typed here from memory, but for the two that music21's corpus has: none of them is by Bach, and no
network was trained on any.
"""

import json
from fractions import Fraction
from pathlib import Path

import mido
import numpy as np

import utils.quiet_tensorflow  # noqa: F401 (before TensorFlow is imported)
from utils.corpus.pieces import load_chorales
from utils.inference_utils import harmonize_takes, parse_notes, read_melody
from utils.music import measures, theory
from utils.path_utils import atomic_write
from utils.songs.song import SCORE_TICKS, tempo_of
from utils.songs.write_midi import write_tracks

HERE = Path(__file__).parent / "gallery"
TAKES, SEED = 8, 0
TICKS = 480  # a quarter note
# By name: meter, key, quarter notes per minute, beats of pickup, notes.
TUNES = {
    "frere-jacques": ("4/4", "C", 110, 0, "C5 D5 E5 C5 | C5 D5 E5 C5"),
    "ode-to-joy": (
        "4/4",
        "D",
        116,
        0,
        """F#4 F#4 G4 A4 | A4 G4 F#4 E4 | D4 D4 E4 F#4 | F#4:3/2 E4:1/2 E4:2
        F#4 F#4 G4 A4 | A4 G4 F#4 E4 | D4 D4 E4 F#4 | E4:3/2 D4:1/2 D4:2
        E4 E4 F#4 D4 | E4 F#4:1/2 G4:1/2 F#4 D4 | E4 F#4:1/2 G4:1/2 F#4 E4 | D4 E4 A3:2
        F#4 F#4 G4 A4 | A4 G4 F#4 E4 | D4 D4 E4 F#4 | E4:3/2 D4:1/2 D4:2""",
    ),
    "amazing-grace": (
        "3/4",
        "G",
        84,
        1,
        """D4 | G4:2 B4:1/2 G4:1/2 | B4:2 A4 | G4:2 E4 | D4:2 D4 | G4:2 B4:1/2 G4:1/2 | B4:2 A4 | D5:5 B4
        D5:2 B4:1/2 G4:1/2 | B4:2 A4 | G4:2 E4 | D4:2 D4 | G4:2 B4:1/2 G4:1/2 | B4:2 A4 | G4:5""",
    ),
    "auld-lang-syne": (
        "4/4",
        "F",
        92,
        1,
        """C4 | F4:3/2 F4:1/2 F4 A4 | G4:3/2 F4:1/2 G4 A4 | F4:3/2 F4:1/2 A4 C5 | D5:3 D5
        C5:3/2 A4:1/2 A4 F4 | G4:3/2 F4:1/2 G4 A4 | F4:3/2 D4:1/2 D4 C4 | F4:3 D5
        C5:3/2 A4:1/2 A4 F4 | G4:3/2 F4:1/2 G4 D5 | C5:3/2 A4:1/2 A4 C5 | D5:3 D5
        C5:3/2 A4:1/2 A4 F4 | G4:3/2 F4:1/2 G4 A4:1/2 G4:1/2 | F4:3/2 D4:1/2 D4 C4 | F4:3""",
    ),
    "silent-night": (
        "6/8",
        "Bb",
        66,
        0,
        """F4:3/4 G4:1/4 F4:1/2 D4:3/2 | F4:3/4 G4:1/4 F4:1/2 D4:3/2 | C5 C5:1/2 A4:3/2 | Bb4 Bb4:1/2 F4:3/2
        G4 G4:1/2 Bb4:3/4 A4:1/4 G4:1/2 | F4:3/4 G4:1/4 F4:1/2 D4:3/2
        G4 G4:1/2 Bb4:3/4 A4:1/4 G4:1/2 | F4:3/4 G4:1/4 F4:1/2 D4:3/2
        C5 C5:1/2 Eb5:3/4 C5:1/4 A4:1/2 | Bb4:3/2 D5:3/2
        Bb4:3/4 F4:1/4 D4:1/2 F4:3/4 Eb4:1/4 C4:1/2 | Bb3:3""",
    ),
    "brahms-lullaby": (
        "3/4",
        "Eb",
        80,
        1,
        """G4:1/2 G4:1/2 | Bb4:3/2 G4:1/2 G4 | Bb4:2 G4:1/2 Bb4:1/2 | Eb5 D5:3/2 C5:1/2 | C5 Bb4 F4:1/2 G4:1/2
        Ab4 F4 F4:1/2 G4:1/2 | Ab4:2 F4:1/2 Ab4:1/2 | D5:1/2 C5:1/2 Bb4 D5 | Eb5:2 Eb4:1/2 Eb4:1/2
        Eb5:2 C5:1/2 Ab4:1/2 | Bb4:2 G4:1/2 Eb4:1/2 | Ab4 Bb4 C5 | Bb4:2 Eb4:1/2 Eb4:1/2
        Eb5:2 C5:1/2 Ab4:1/2 | Bb4:2 G4:1/2 Eb4:1/2 | Ab4 G4 F4 | Eb4:2""",
    ),
    "greensleeves": (
        "6/8",
        "Am",
        72,
        Fraction(1, 2),
        """A4:1/2 | C5 D5:1/2 E5:3/4 F5:1/4 E5:1/2 | D5 B4:1/2 G4:3/4 A4:1/4 B4:1/2
        C5 A4:1/2 A4:3/4 G#4:1/4 A4:1/2 | B4 G#4:1/2 E4 A4:1/2
        C5 D5:1/2 E5:3/4 F5:1/4 E5:1/2 | D5 B4:1/2 G4:3/4 A4:1/4 B4:1/2
        C5:3/4 B4:1/4 A4:1/2 G#4:3/4 F#4:1/4 G#4:1/2 | A4:3/2 A4:3/2
        G5:3/2 G5:3/4 F#5:1/4 E5:1/2 | D5 B4:1/2 G4:3/4 A4:1/4 B4:1/2
        C5 A4:1/2 A4:3/4 G#4:1/4 A4:1/2 | B4 G#4:1/2 E4:3/2
        G5:3/2 G5:3/4 F#5:1/4 E5:1/2 | D5 B4:1/2 G4:3/4 A4:1/4 B4:1/2
        C5:3/4 B4:1/4 A4:1/2 G#4:3/4 F#4:1/4 G#4:1/2 | A4:3/2 A4""",
    ),
    "scarborough-fair": (
        "3/4",
        "Em",
        96,
        0,
        """E4:2 E4 | B4:2 B4 | F#4:3/2 G4:1/2 F#4 | E4:3 | r B4 D5 | E5:2 D5 | B4 C#5 A4 | B4:3 | r r E5
        E5:2 E5 | D5:2 B4 | B4 A4 G4 | F#4 D4:2 | E4:2 B4 | A4:2 G4 | F#4 E4 D4 | E4:3""",
    ),
    "god-save-the-king": (
        "3/4",
        "G",
        88,
        0,
        """G4 G4 A4 | F#4:3/2 G4:1/2 A4 | B4 B4 C5 | B4:3/2 A4:1/2 G4 | A4 G4 F#4 | G4:3
        D5 D5 D5 | D5:3/2 C5:1/2 B4 | C5 C5 C5 | C5:3/2 B4:1/2 A4
        B4 C5:1/2 B4:1/2 A4:1/2 G4:1/2 | B4:3/2 C5:1/2 D5 | E5:1/2 C5:1/2 B4 A4 | G4:3""",
    ),
    "londonderry-air": (
        "4/4",
        "F",
        72,
        Fraction(3, 2),
        """E4:1/2 F4:1/2 G4:1/2 | A4:3/2 G4:1/2 A4:1/2 D5:1/2 C5:1/2 A4:1/2
        G4:1/2 F4:1/2 D4:3/2 F4:1/2 A4:1/2 Bb4:1/2
        C5:3/2 D5:1/2 C5:1/2 A4:1/2 F4:1/2 A4:1/2 | G4:5/2 E4:1/2 F4:1/2 G4:1/2
        A4:3/2 G4:1/2 A4:1/2 D5:1/2 C5:1/2 A4:1/2 | G4:1/2 F4:1/2 D4:3/2 E4:1/2 F4:1/2 G4:1/2
        A4:3/2 Bb4:1/2 A4:1/2 G4:1/2 F4:1/2 G4:1/2 | F4:5/2 C5:1/2 D5:1/2 E5:1/2
        F5:3/2 E5:1/2 E5:1/2 D5:1/2 C5:1/2 D5:1/2 | C5:1/2 A4:1/2 F4:3/2 C5:1/2 D5:1/2 E5:1/2
        F5:3/2 E5:1/2 E5:1/2 D5:1/2 C5:1/2 A4:1/2 | G4:5/2 C5:1/2 C5:1/2 C5:1/2
        A5:3/2 G5:1/2 G5:1/2 F5:1/2 D5:1/2 F5:1/2 | C5:1/2 A4:1/2 F4:3/2 E4:1/2 F4:1/2 G4:1/2
        A4:1/2 D5:1/2 C5:1/2 A4:1/2 G4:1/2 F4:1/2 D4:1/2 E4:1/2 | F4:5/2""",
    ),
    "when-the-saints": (
        "4/4",
        "Bb",
        132,
        3,
        """Bb4 D5 Eb5 | F5:4 | r Bb4 D5 Eb5 | F5:4 | r Bb4 D5 Eb5 | F5:2 D5:2 | Bb4:2 D5:2 | C5:4 | r D5 D5 C5
        Bb4:3 Bb4 | D5:2 F5 F5 | Eb5:2 D5 Eb5 | F5:2 D5:2 | Bb4:2 C5:2 | Bb4:4""",
    ),
    "o-come-emmanuel": (
        "4/4",
        "Em",
        92,
        1,
        """E4 | G4 B4 B4 B4 | A4 C5 B4 A4 | G4:3 A4 | B4 G4 E4 G4 | A4 F#4 E4 D4 | E4:3 A4
        A4 E4 E4 F#4 | G4:2 F#4 E4 | D4:3 G4 | A4 B4 B4 B4 | A4 C5 B4 A4 | G4:3 D5
        D5:3 B4 | B4:3 B4 | A4 C5 B4 A4 | G4:3 A4 | B4 G4 E4 G4 | A4 F#4 E4 D4 | E4:3""",
    ),
}
# By name: file in music21's corpus, part.
CORPUS = {
    "lift-every-voice": ("johnson_j_r/lift_every_voice", 0),
    "mozart-k155": ("mozart/k155/movement1", "Violin I"),
}
MEASURES = {
    "chordal share": lambda grid, onset: measures.chordal_share(grid),
    "PCS": lambda grid, onset: measures.pitch_consonance_score(grid),
    "CTnCTR": measures.chord_tone_ratio,
    "parallels per note": measures.parallels_per_note,
    "crossing": lambda grid, onset: measures.crossing_rate(grid),
    "spacing": lambda grid, onset: measures.spacing_rate(grid),
    "leaps": measures.leap_rate,
    "short notes": lambda grid, onset: measures.short_note_rate(grid[:, 1:], onset[:, 1:]),
    "out of range": lambda grid, onset: measures.range_rate(
        grid[:, 1:], onset[:, 1:], theory.VOICE_RANGES[1:]
    ),
}


def write_tune(name, meter, key, tempo, pickup, text):
    """Write a typed tune as MIDI."""
    melody = read_melody(parse_notes(text))
    conductor = [
        mido.MetaMessage("set_tempo", tempo=tempo_of(tempo)),
        mido.MetaMessage("key_signature", key=key),
        *signatures(*map(int, meter.split("/")), pickup, TICKS),
    ]
    shorter = SCORE_TICKS // TICKS
    notes = [note._replace(start=note.start // shorter, end=note.end // shorter) for note in melody.notes]
    return write_tracks(HERE / f"{name}.mid", [("Melody", 0, notes)], conductor, TICKS)


def write_corpus_tune(name, file, part):
    """Write one part of a score of music21's corpus as MIDI."""
    import music21

    melody = read_melody(music21.corpus.parse(file), part)
    ticks = melody.ticks_per_beat
    tempi = [message for message in melody.conductor if message.type != "time_signature"]
    (meter,) = melody.meters
    conductor = [*tempi, *signatures(meter.numerator, meter.denominator, melody.pickup, ticks)]
    conductor.sort(key=lambda message: message.time)
    return write_tracks(HERE / f"{name}.mid", [(melody.track, 0, melody.notes)], conductor, ticks)


def signatures(numerator, denominator, pickup, ticks):
    """List the time signatures; a pickup gets a short bar of its own, as notation programs do it."""
    found = [(0, numerator, denominator)]
    if pickup:
        short = Fraction(pickup) / 4
        found = [(0, short.numerator, short.denominator), (pickup, numerator, denominator)]
    return [
        mido.MetaMessage("time_signature", numerator=beats, denominator=unit, time=int(beat * ticks))
        for beat, beats, unit in found
    ]


def measure(grid, onset):
    """Tell what needs no reference: dict of str to float."""
    return {name: round(float(function(grid, onset)), 4) for name, function in MEASURES.items()}


def arrange(file):
    """Arrange a melody, write it, and measure it: a row of the table."""
    takes = harmonize_takes(file, TAKES, SEED)
    best = takes[0]
    best.write(file.with_name(f"{file.stem}_bach.mid"))
    melody = best.melody
    meters = dict.fromkeys(f"{meter.numerator}/{meter.denominator}" for meter in melody.meters)
    kept = read_melody(file.with_name(f"{file.stem}_bach.mid"), track=0)
    return {
        "bars": len(best.bars),
        "meter": ", ".join(meters),
        "pickup": float(melody.pickup),
        "melody kept": float(kept.notes == melody.notes and kept.conductor == melody.conductor),
        "price": round(best.scores["price"], 3),
        "diversity": round(float(measures.diversity(np.stack([take.grid for take in takes]))), 4),
        **measure(best.grid, best.onset),
        "report": list(best.report),
    }


def real_bach():
    """Measure the validation chorales in the same way, for comparison."""
    rows = [measure(c.grid, c.onset) for c in load_chorales(split="valid")]
    return {name: round(float(np.nanmean([row[name] for row in rows])), 4) for name in rows[0]}


def main():
    """Write the melodies, their arrangements and the table."""
    files = [write_tune(name, *tune) for name, tune in TUNES.items()]
    files += [write_corpus_tune(name, *place) for name, place in CORPUS.items()]
    table = {"real Bach": real_bach()}
    for file in files:
        table[file.stem] = arrange(file)
        print(file.stem, {name: value for name, value in table[file.stem].items() if name != "report"})
    text = json.dumps(table, indent=1, ensure_ascii=False) + "\n"
    atomic_write(HERE / "gallery.json", lambda name: Path(name).write_text(text, encoding="utf-8"))


if __name__ == "__main__":
    main()

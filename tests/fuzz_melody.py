"""Feed damaged files to the reader: ``python tests/fuzz_melody.py --kind musicxml --files 100000``.

Every file must give a melody that can be written and read back unchanged, or a MelodyError: within five
seconds of computing, and within a gigabyte of memory. The files are real ones with random damage, the same
for the same seed: MIDI, MusicXML, or MusicXML in a zip file.
"""

import argparse
import io
import multiprocessing
import re
import resource
import signal
import struct
import sys
import tempfile
import time
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from utils.arranger.arrangement import Arrangement  # noqa: E402
from utils.music.meter import hear_in_common_time  # noqa: E402
from utils.songs.melody import read_melody  # noqa: E402
from utils.songs.song import LONGEST_BEATS, MelodyError  # noqa: E402

MOST_SECONDS = 5
MOST_MEMORY = 1 << 30
TELLING_BYTES = (0x00, 0x7F, 0x80, 0x8F, 0x90, 0x99, 0xC0, 0xF0, 0xF7, 0xFE, 0xFF)


TELLING_TEXTS = (
    b"",
    b"0",
    b"-1",
    b"1e9",
    b"999999999999",
    b"1/0",
    b"x",
    b"nan",
    b"\xff",
    b"&amp;",
    b"<",
    b"C",
)


def read_seeds(kind="midi"):
    """The files that are damaged: short songs, a real piece of several minutes, all melodies shipped."""
    if kind != "midi":
        return [file.read_bytes() for file in sorted((ROOT / "tests" / "inputs").glob("x*.*xml"))]
    files = [ROOT / "input_twinkle_twinkle.mid", *sorted((ROOT / "original_midi").glob("*.mid"))[::10]]
    files += sorted((ROOT / "dataset" / "gallery").glob("*.mid"))
    files += sorted((ROOT / "tests" / "inputs").glob("*.mid"))
    return [file.read_bytes() for file in files]


def damage_score(data, other, rng):
    """Break a MusicXML file in one to four places, mostly where it still is XML."""
    for _ in range(rng.integers(1, 5)):
        elements = list(re.finditer(rb"<(\w[\w-]*)[^<>]*>([^<>]*)</\1>", data))  # those that hold a text
        place = elements[int(rng.integers(len(elements)))] if elements else None
        match rng.integers(8) if elements else 7:
            case 0 | 1:  # another value
                value = TELLING_TEXTS[int(rng.integers(len(TELLING_TEXTS)))]
                data = data[: place.start(2)] + value + data[place.end(2) :]
            case 2:  # one less
                data = data[: place.start()] + data[place.end() :]
            case 3:  # several of them
                data = data[: place.end()] + place[0] * int(rng.integers(1, 20)) + data[place.end() :]
            case 4:  # a text of another element
                source = elements[int(rng.integers(len(elements)))]
                data = data[: place.start(2)] + source[2] + data[place.end(2) :]
            case 5:  # an attribute that says something else
                values = list(re.finditer(rb'="[^"<>]*"', data))
                found = values[int(rng.integers(len(values)))] if values else place
                value = TELLING_TEXTS[int(rng.integers(len(TELLING_TEXTS)))]
                data = data[: found.start()] + b'="' + value + b'"' + data[found.end() :]
            case 6:  # an element of another file
                foreign = list(
                    re.finditer(rb"<(note|attributes|barline|direction)\b.*?</\1>", other, re.DOTALL)
                )
                if foreign:
                    data = (
                        data[: place.end()]
                        + foreign[int(rng.integers(len(foreign)))][0]
                        + data[place.end() :]
                    )
            case 7:
                data = damage(data, other, rng) if data else data
    return data


def damage_archive(data, other, rng):
    """Pack a damaged score as .mxl files are packed, and sometimes damage the archive or its list."""
    container = (
        b'<?xml version="1.0"?><container><rootfiles>'
        b'<rootfile full-path="score.xml"/></rootfiles></container>'
    )
    if rng.random() < 0.3:
        container = damage_score(container, other, rng)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        if rng.random() < 0.9:
            archive.writestr("META-INF/container.xml", container)
        if rng.random() < 0.2:
            archive.writestr("__MACOSX/._score.xml", rng.bytes(50))
        archive.writestr("score.xml", damage_score(data, other, rng) if rng.random() < 0.7 else data)
    data = packed.getvalue()
    return damage(data, other, rng) if rng.random() < 0.3 else data


def damage(data, other, rng):
    """Break a file in one to six places."""
    data = bytearray(data)
    for _ in range(rng.integers(1, 7)):
        place = int(rng.integers(len(data))) if data else 0
        length = int(rng.geometric(0.1))
        match rng.integers(9):
            case 0:
                data[place : place + 1] = bytes([rng.choice(TELLING_BYTES)])
            case 1:
                data[place : place + 1] = rng.bytes(1)
            case 2:
                data[place:place] = rng.bytes(length)
            case 3:
                del data[place : place + length]
            case 4:
                data[place:place] = data[place : place + length] * int(rng.integers(1, 50))
            case 5:
                del data[place:]
            case 6:  # a number of the header or of a chunk's length
                value = int(rng.choice([0, 1, 2, 4, 0x7FFF, 0x8000, 0xE728, 0xFFFF]))
                where = int(rng.choice([8, 10, 12, max(0, data.find(b"MTrk") + 6)]))
                data[where : where + 2] = struct.pack(">H", value)
            case 7:  # a long time
                data[place:place] = b"\xff\xff\xff\x7f"
            case 8:
                start = int(rng.integers(len(other)))
                data[place:place] = other[start : start + 8 * length]
    return _mend_lengths(data) if rng.random() < 0.8 else bytes(data)


def _mend_lengths(data):
    """Let every track be as long as it says, so that the damage within is met, not only its length."""
    head, *tracks = bytes(data).split(b"MTrk")
    return head + b"".join(b"MTrk" + struct.pack(">I", len(track[4:])) + track[4:] for track in tracks)


def check(path):
    """Read a melody, write it with three voices, read it back: what came of it, in a word."""
    try:
        melody = read_melody(path)
    except MelodyError as error:
        assert error.path == str(path) and error.reason and error.advice
        return error.reason.split("(")[0].strip()
    steps = len(melody.grid)
    assert melody.grid.dtype == np.int8 and melody.onset.shape == (steps,) == melody.triplet.shape
    assert 0 < steps <= 4 * LONGEST_BEATS + 1 and melody.onset.any()
    assert ((melody.grid >= 0) | ~melody.onset).all()
    assert list(melody.notes) == sorted(melody.notes) and all(note.start < note.end for note in melody.notes)
    grid = np.stack([melody.grid, *np.full((3, steps), [[60], [55], [48]], np.int8)], axis=-1)
    onset = np.zeros(grid.shape, bool)
    onset[0, 1:] = True
    onset[:, 0] = melody.onset
    heard = hear_in_common_time(melody.meters, melody.pickup, steps, melody.bars)
    assert len(heard) == steps and (np.diff(heard) > 0).all()
    arrangement = Arrangement(grid, onset, melody, {})
    written = read_melody(arrangement.write(path.with_suffix(".out.mid")), track=0)
    finer = written.ticks_per_beat // melody.ticks_per_beat
    assert written.notes == tuple(
        note._replace(start=finer * note.start, end=finer * note.end) for note in melody.notes
    )
    if path.suffix != ".mid":
        arrangement.write(path.with_suffix(".out.musicxml"))
    return "a melody"


def _limit_memory():
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MOST_MEMORY,) * 2)


def _too_slow(*_):
    raise TimeoutError(f"over {MOST_SECONDS} s")


DAMAGE = {"midi": (damage, ".mid"), "musicxml": (damage_score, ".musicxml"), "mxl": (damage_archive, ".mxl")}


def run(start, files, seed, folder, kind="midi"):
    """Check some files: what came of them, the failures, the most seconds that one took to compute."""
    seeds, outcomes, failures, slowest = read_seeds(kind), Counter(), [], 0.0
    signal.signal(signal.SIGPROF, _too_slow)
    break_it, ending = DAMAGE[kind]
    path = Path(folder) / f"fuzz-{start}{ending}"
    if kind != "midi":
        import utils.songs.quiet_music21  # noqa: F401 (its import takes time that is no file's)
    for number in range(start, start + files):
        rng = np.random.default_rng((seed, number))
        data = break_it(*(seeds[place] for place in rng.integers(len(seeds), size=2)), rng)
        path.write_bytes(data)
        # Of its own work, not of the clock: the machine may be busy with something else.
        signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
        began = time.process_time()
        try:
            outcomes[check(path)] += 1
        except Exception as error:  # whatever it is, it should not have come out
            failures.append((number, repr(error)))
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        slowest = max(slowest, time.process_time() - began)
    return outcomes, failures, slowest


def fuzz(files, seed=0, workers=2, kind="midi"):
    """Check ``files`` damaged files in several processes: as :func:`run`, and the peak memory in bytes."""
    per_job = max(1, min(1000, -(-files // workers)))
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder, context.Pool(workers, _limit_memory) as pool:
        jobs = [
            (start, min(per_job, files - start), seed, folder, kind) for start in range(0, files, per_job)
        ]
        results = pool.starmap(run, jobs, chunksize=1)
    outcomes = sum((result[0] for result in results), Counter())
    failures = [failure for result in results for failure in result[1]]
    return outcomes, failures, max(result[2] for result in results)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", choices=DAMAGE, default="midi")
    chosen = parser.parse_args()
    began = time.perf_counter()
    outcomes, failures, slowest = fuzz(chosen.files, chosen.seed, kind=chosen.kind)
    took = time.perf_counter() - began
    print(f"{sum(outcomes.values()) + len(failures):,} files in {took:.0f} s, the slowest {slowest:.2f} s")
    for reason, count in outcomes.most_common(12):
        print(f"{count:8,}  {reason}")
    print(f"failures: {len(failures)}")
    for number, error in failures[:20]:
        print(f"  seed {chosen.seed}, file {number}: {error}")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())

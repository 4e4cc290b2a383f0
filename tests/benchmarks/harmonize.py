"""Time the way from a melody to an arrangement: ``make bench-harmonize``.

A made-up melody in quarter notes at 100 a minute, eight takes. The peer is the bare arithmetic:
the generator once over the song for every take, nothing else.
Each length runs in a process of its own, so that its peak of memory is its own.
"""

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MINUTES = (1, 3, 10, 30, 60)
BEATS_A_MINUTE = 100
TAKES = 8
RUNS = 3
COLD_RUNS = 3


def melody(minutes):
    import numpy as np

    rng = np.random.default_rng(0)
    walk = np.cumsum(rng.choice([-2, -1, 0, 1, 2], BEATS_A_MINUTE * minutes)) % 14
    scale = np.add.outer([60, 72], [0, 2, 4, 5, 7, 9, 11]).ravel()
    return [(int(scale[place]), 1) for place in walk]


def measure(minutes):
    """Time one length, warm, in this process."""

    import utils.quiet_tensorflow  # noqa: F401
    from utils.arranger import proposals
    from utils.exam.rows import give_melody
    from utils.inference_utils import harmonize_takes, load_shipped
    from utils.midi_utils import STEPS_PER_BAR, STEPS_PER_WINDOW

    harmonize_takes(melody(1)[:16], TAKES)  # loads and warms up
    notes = melody(minutes)
    runs = RUNS if minutes <= 10 else 1
    whole = []
    for _ in range(runs):
        began = time.perf_counter()
        arrangement = harmonize_takes(notes, TAKES)[0]
        whole.append(time.perf_counter() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    bare = None
    if minutes == 3:
        generator, _ = load_shipped()
        grid = arrangement.grid[: len(arrangement.grid) // STEPS_PER_WINDOW * STEPS_PER_WINDOW]
        given = give_melody(grid)
        noise = proposals.draw_takes(generator, TAKES, 0, len(grid) // STEPS_PER_BAR)
        times = []
        for _ in range(runs):
            began = time.perf_counter()
            proposals.propose(generator, given, noise)
            times.append(time.perf_counter() - began)
        bare = statistics.median(times)
    return {"minutes": minutes, "seconds": statistics.median(whole), "gigabytes": peak, "bare": bare}


def cold(minutes=3):
    """Time the command from a cold shell to the written file."""
    from utils.songs.melody import read_song
    from utils.songs.write_midi import write_tracks

    with tempfile.TemporaryDirectory() as folder:
        song = read_song(melody(minutes))
        path = Path(folder) / "song.mid"
        write_tracks(path, [("Melody", 0, song.parts[0].notes)], song.conductor, song.ticks_per_beat)
        times = []
        for _ in range(COLD_RUNS):
            began = time.perf_counter()
            command = [sys.executable, "-m", "utils.harmonize", str(path)]
            subprocess.run(command, check=True, capture_output=True)
            times.append(time.perf_counter() - began)
    return statistics.median(times)


def main():
    if len(sys.argv) > 1:
        print(json.dumps(measure(int(sys.argv[1]))))
        return
    print("minutes of music | seconds | times real time | peak memory, GB")
    for minutes in MINUTES:
        command = [sys.executable, "-m", "tests.benchmarks.harmonize", str(minutes)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        row = json.loads(done.stdout.splitlines()[-1])
        speed = 60 * minutes / row["seconds"]
        print(f"{minutes} | {row['seconds']:.2f} | {speed:.0f} | {row['gigabytes']:.2f}", flush=True)
        if row["bare"]:
            ratio = row["seconds"] / row["bare"]
            print(f"  of which the networks alone: {row['bare']:.2f} s; all in all {ratio:.2f} times that")
    print(f"3 minutes from a cold shell to the written file: {cold():.1f} s")


if __name__ == "__main__":
    main()

"""Train recipes side by side and tell how soon they listen: ``python -m pretrained.speedrun tour best``.

Time is that of training alone. Evaluations stop the clock, and so does the compilation in the first
iteration after a start, which is told apart: that iteration counts as the median one. On a machine that
others use, ``--clock cpu --threads 1`` counts the processor's seconds instead, which nobody else can prolong
much. Judged is the network alone on all validation songs, without any search. What is cut off goes on from
its last checkpoint.
"""

import argparse
import json
import os
import time
from dataclasses import fields, replace
from pathlib import Path

import utils.quiet_tensorflow  # noqa: F401 (first of all: it keeps TensorFlow quiet)

# isort: split
import numpy as np
import tensorflow as tf

from utils.exam.rows import cut_songs, load_songs, predict_alone
from utils.lesson.definitions import load_lesson
from utils.music.measures import chordal_share, conditioning_gap, token_accuracy
from utils.path_utils import MODEL_DIR, PRETRAINED_DIR, atomic_write
from utils.training.batches import batches, load_windows
from utils.training.device import versions
from utils.training.run import Run, run_name

RESULTS = PRETRAINED_DIR / "speedrun.json"
SHOWN = (30, 60, 120, 300, 600)  # seconds of training after which the table tells the quality
# When to evaluate: often at first, where the gap rises.
MOMENTS = (*range(5, 60, 5), *range(60, 120, 10), *range(120, 300, 30), *range(300, 3601, 60))
FIGURES = ("alto", "tenor", "bass", "gap", "chordal")
GAPS = (0.45, 0.50, 0.55)
SHIPPED = {"alto": 0.43, "tenor": 0.40, "bass": 0.34}  # of the networks shipped before, alone
TOUR = {"alto": 0.41, "tenor": 0.38, "bass": 0.29, "gap": 0.58, "chordal": 0.85}


def recipes(lesson):
    """Name what can be compared: the lesson's presets, and the recipe of the networks shipped before.

    Returns
    -------
    dict of str to lesson.Config
    """
    before = replace(
        lesson.CLASSIC,
        data="dataset/chorales.npz",
        transpose=True,
        head="voice_softmax",
        reconstruction_weight=0.1,
        cosine_decay=True,
        critic_steps=1,
        iterations=1200,
    )
    return lesson.PRESETS | {"before": before}


def describe_processor():
    """Name the processor, its cores and its widest arithmetic, as far as the system tells."""
    file = Path("/proc/cpuinfo")
    lines = (
        [line.split(":", 1) for line in file.read_text().splitlines() if ":" in line] if file.exists() else []
    )
    told = {key.strip(): value.strip() for key, value in lines}
    widest = next((f for f in ("avx512f", "avx2") if f in told.get("flags", "").split()), "")
    limited = os.environ.get("ONEDNN_MAX_CPU_ISA", "")
    return " ".join(filter(None, (told.get("model name"), f"{os.cpu_count()} cores", widest, limited)))


def tweaked(config, tweaks):
    """Change fields of a recipe.

    Parameters
    ----------
    config : lesson.Config
    tweaks : list of str
        "field=value"; the value is read as the kind of what stands there.

    Returns
    -------
    lesson.Config

    Raises
    ------
    ValueError
        For a field that the recipe lacks, or a value of another kind.
    """
    kinds = {field.name: type(getattr(config, field.name)) for field in fields(config)}
    changes = {}
    for tweak in tweaks:
        name, _, value = tweak.partition("=")
        if name not in kinds:
            raise ValueError(f"{name!r} is no field of a recipe; choose of {', '.join(kinds)}")
        read = {"True": True, "False": False}.__getitem__ if kinds[name] is bool else kinds[name]
        try:
            changes[name] = read(value)
        except (KeyError, ValueError):
            raise ValueError(f"{name} must be of kind {kinds[name].__name__}, not {value!r}") from None
    return replace(config, **changes)


def judge(generator, songs):
    """Measure a network alone on whole songs.

    Parameters
    ----------
    generator : keras.Model
    songs : list of int8 array [step, voice=4]

    Returns
    -------
    dict of str to float
        Accuracy of the lower voices, conditioning gap, chordal share; every song counts the same.
    """
    sung, _ = predict_alone(generator, songs)
    accuracy = np.mean([token_accuracy(a, b) for a, b in zip(sung, songs, strict=True)], axis=0)
    gap = conditioning_gap(*cut_songs(sung))
    chordal = np.mean([chordal_share(grid) for grid in sung])
    return {name: round(float(x), 4) for name, x in zip(FIGURES, (*accuracy, gap, chordal), strict=True)}


def seconds_of_training(seconds, starts):
    """Add up the seconds of iterations, without compilation.

    Parameters
    ----------
    seconds : list of float
        Of each iteration.
    starts : list of int
        The iterations at which a process began; each counts as the median one.

    Returns
    -------
    training, compiling : float
    """
    seconds = np.array(seconds)
    first = [start for start in starts if start < len(seconds)]
    compiling = float(seconds[first].sum() - np.median(seconds) * len(first))
    return float(seconds.sum() - compiling), compiling


def train(lesson, name, config, songs, result, save, longest, clock):
    """Train one recipe to its end, or for so long, and note its quality on the way.

    Parameters
    ----------
    lesson : module
        Of :func:`.load_lesson`.
    name : str
        Of the run.
    config : lesson.Config
    songs : list of int8 array [step, voice=4]
        To judge by.
    result : dict
        "starts", "evaluations" and the "seconds" of every iteration so far, which are added to.
    save : callable
        Called whenever ``result`` has grown.
    longest : float
        Seconds of training after which to stop.
    clock : callable
        Tells the time.
    """
    gan = lesson.make_gan(config)
    run = Run(run_name(name, config), config, gan._asdict(), MODEL_DIR)
    iterate = lesson.make_train_iteration(gan, config)
    needed = lesson.batches_needed(config)
    windows = load_windows(config.data)
    served = iter(
        batches(windows, config.batch_size, config.seed, config.transpose, start=run.iteration * needed)
    )
    # What a process that was killed had noted after its last checkpoint happens again.
    result["evaluations"] = [e for e in result["evaluations"] if e["iteration"] <= run.iteration]
    result["starts"] = [start for start in result["starts"] if start < run.iteration] + [run.iteration]
    del result["seconds"][run.iteration :]
    for iteration in run.until(config.iterations):
        began = clock()
        losses = iterate([next(served) for _ in range(needed)], tf.constant(iteration))
        run.log(*losses)  # waits for them
        result["seconds"].append(round(clock() - began, 5))
        training, compiling = seconds_of_training(result["seconds"], result["starts"])
        judged = result["evaluations"][-1]["seconds"] if result["evaluations"] else 0
        last = run.iteration == config.iterations or training >= longest
        if last or any(judged < moment <= training for moment in MOMENTS):
            figures = judge(gan.generator, songs)
            result["evaluations"].append({"iteration": run.iteration, "seconds": training, **figures})
            result["compiling"] = compiling
            run.save()
            save()
        if last:
            break
    del result["seconds"]  # the evaluations tell all that is wanted of a finished run
    result["done"] = True
    save()


def first_seconds(evaluations, wanted):
    """Find when all wanted figures, rounded to hundredths, were first reached: seconds, or None."""
    for one in evaluations:
        if all(round(one[name], 2) >= least for name, least in wanted.items()):
            return one["seconds"]
    return None


def at_seconds(evaluations, moment):
    """Find the last evaluation up to a moment of training (a tenth later is still that moment), or None."""
    found = [one for one in evaluations if one["seconds"] <= moment * 1.1]
    long_enough = evaluations and evaluations[-1]["seconds"] >= moment * 0.9
    return found[-1] if found and long_enough else None


def table(results):
    """Write results as a Markdown table, a row a run: str."""
    columns = [f"s to gap {gap:.2f}" for gap in GAPS] + ["s to tour's goal", "s to shipped"]
    columns += [f"after {moment} s" for moment in SHOWN] + ["at the end"]
    lines = [["recipe", "seed", "threads", "clock", "s per iteration", "compiling", *columns]]
    lines.append(["---"] * len(lines[0]))
    for one in results.values():
        found = one["evaluations"]
        if not found:
            continue
        goals = [{"gap": gap} for gap in GAPS] + [TOUR, SHIPPED]
        soon = [first_seconds(found, goal) for goal in goals]
        moments = [at_seconds(found, moment) for moment in SHOWN]
        lines.append(
            [
                one["recipe"],
                str(one["seed"]),
                str(one["threads"]),
                one["clock"],
                f"{found[-1]['seconds'] / found[-1]['iteration']:.3f}",
                f"{one['compiling']:.0f} s",
                *("-" if seconds is None else f"{seconds:.0f}" for seconds in soon),
                *("-" if moment is None else _figures(moment) for moment in moments),
                f"{_figures(found[-1])} ({found[-1]['iteration']} iterations, {found[-1]['seconds']:.0f} s)",
            ]
        )
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _figures(one):
    accuracy = "/".join(f"{one[voice]:.2f}"[1:] for voice in FIGURES[:3])
    return f"{accuracy} gap {one['gap']:.2f} chordal {one['chordal']:.2f}"


def limit_threads(threads):
    """Let TensorFlow compute on so many cores; this must come before it computes anything."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


def main(arguments=None):
    """Train, judge and print."""
    parser = argparse.ArgumentParser(prog="python -m pretrained.speedrun", description=__doc__)
    parser.add_argument("recipes", nargs="*", default=["classic", "before", "tour", "best"])
    parser.add_argument("--threads", type=int, default=2, help="of TensorFlow (2)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="of weights, data and noise (0)")
    parser.add_argument("--data", help="train on this instead of what the recipes name")
    parser.add_argument(
        "--tweak",
        nargs="+",
        default=[],
        metavar="FIELD=VALUE",
        help="change the recipes, as in critic_steps=5",
    )
    parser.add_argument("--seconds", type=float, default=3600, help="of training at most, a run (3600)")
    parser.add_argument("--precision", default="float32", help="Keras' dtype policy (float32)")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="what is counted (wall)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="JSON that is added to")
    chosen = parser.parse_args(arguments)
    limit_threads(chosen.threads)
    lesson = load_lesson()
    lesson.keras.config.set_dtype_policy(chosen.precision)
    known, songs = recipes(lesson), list(load_songs("valid").values())
    for recipe in chosen.recipes:
        if recipe not in known:
            parser.error(f"{recipe!r} is no recipe; choose of {', '.join(known)}")

    results = json.loads(chosen.results.read_text()) if chosen.results.is_file() else {}

    def save():
        atomic_write(chosen.results, lambda name: Path(name).write_text(json.dumps(results)))

    for seed in chosen.seeds:
        for recipe in chosen.recipes:
            config = replace(known[recipe], seed=seed, **({"data": chosen.data} if chosen.data else {}))
            config = tweaked(config, chosen.tweak)
            name = f"speedrun-{recipe}-{chosen.threads}-{chosen.precision}-{chosen.clock}"
            if config.iterations != known[recipe].iterations:  # another length is another cosine
                name += f"-{config.iterations}"
            key = run_name(name, config)
            result = results.setdefault(
                key,
                {"recipe": " ".join([recipe, *chosen.tweak]), "starts": [], "seconds": [], "evaluations": []},
            )
            result |= {
                "seed": seed,
                "threads": chosen.threads,
                "precision": chosen.precision,
                "clock": chosen.clock,
                "machine": describe_processor(),
                "versions": versions(),
                "at": time.strftime("%Y-%m-%d %H:%M"),
            }
            if not result.get("done"):
                clock = time.process_time if chosen.clock == "cpu" else time.perf_counter
                train(lesson, name, config, songs, result, save, chosen.seconds, clock)
    print(table(results))


if __name__ == "__main__":
    main()

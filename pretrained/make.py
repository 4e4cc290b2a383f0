"""Train the shipped networks and their relatives from nothing, and measure them: ``make pretrained``.

About two hours on two cores. What is cut off goes on from its last checkpoint when called again.
"""

import argparse
import shutil
from dataclasses import replace

import utils.quiet_tensorflow  # noqa: F401 (before TensorFlow is imported)
from utils import dataset_utils, evaluation_utils, inference_utils, training_utils
from utils.lesson.definitions import load_lesson
from utils.path_utils import DATASET_DIR, PRETRAINED_DIR

NETWORKS = ("generator", "critic")
SEARCHED = ("one take", "arrangement", "least price", "critic's choice")  # rows of the exam


def train(lesson, name, config):
    """Train as the lesson does.

    Parameters
    ----------
    lesson : module
        Of :func:`utils.lesson.definitions.load_lesson`.
    name : str
        Of the run.
    config : lesson.Config

    Returns
    -------
    gan : lesson.GAN
    run : training_utils.Run
    """
    samples = inference_utils.load_melody_samples(seed=config.seed, path=DATASET_DIR / "valid.npy")
    gan, run = lesson.start_run(name, config)
    run.metrics.set_reference_metrics(dataset_utils.load_rolls(lesson.CLASSIC.data))
    lesson.train(gan, run, config, *samples)
    return gan, run


def keep(run_dir, recipe):
    """Store the choices and the history of a run, and what it played at every checkpoint.

    Parameters
    ----------
    run_dir : Path
    recipe : str
        The folder's name in ``pretrained/``.
    """
    target = PRETRAINED_DIR / recipe
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    shutil.copy(run_dir / "run.json", target)
    shutil.copy(max((run_dir / "preload").glob("checkpoint-*/history.json")), target)
    for file in (run_dir / "sample").glob("iteration-*.mid"):
        shutil.copy(file, target)


def ladder(lesson):
    """Name small twins, each with one more of the things that make the best recipe out of the classic one.

    Returns
    -------
    dict of str to lesson.Config
    """
    small = replace(lesson.CLASSIC, filters=16, iterations=200)
    softmax = replace(small, head=lesson.BEST.head)
    more_bach = replace(softmax, data=lesson.BEST.data, transpose=True)
    pull = replace(more_bach, reconstruction_weight=lesson.BEST.reconstruction_weight)
    one_step = replace(pull, critic_steps=1, cosine_decay=True)
    return {
        "classic, small": small,
        "+ softmax head": softmax,
        "+ all Bach in all keys": more_bach,
        "+ pull to the real piece": pull,
        "+ one critic step, cosine": one_step,
    }


def make_ladder(lesson):
    """Train the twins and measure them."""
    twins = {name: train(lesson, "ladder", config)[0] for name, config in ladder(lesson).items()}
    generators = {name: gan.generator for name, gan in twins.items()}
    rungs = evaluation_utils.evaluate_alone("valid", generators)
    evaluation_utils.write_evaluation(PRETRAINED_DIR / "ladder.json", rungs)


def make_classic(lesson):
    """Train the classic recipe, and keep its history and its generator's answers to the exam."""
    _, run = train(lesson, "classic", lesson.CLASSIC)
    keep(run.dirs["preload"].parent, "classic")


def make_best(lesson):
    """Train the networks that are shipped."""
    best, run = train(lesson, "best", lesson.BEST)
    keep(run.dirs["preload"].parent, "best")
    for name in NETWORKS:
        training_utils.save_network(PRETRAINED_DIR / f"{name}.npz", getattr(best, name))


def make_exam(lesson):
    """Measure what is shipped, beside the classic recipe, which is trained if it has not been."""
    shipped = [training_utils.load_network(PRETRAINED_DIR / f"{name}.npz") for name in NETWORKS]
    classic, _ = train(lesson, "classic", lesson.CLASSIC)
    evaluation = evaluation_utils.evaluate("test", *shipped, {"classic recipe": classic.generator})
    evaluation_utils.write_evaluation(PRETRAINED_DIR / "evaluation.json", evaluation)
    measure_creativity(shipped[0])


def make_searched(lesson):
    """Measure what is shipped once more, after a change of the search; rows that it has no part in stay."""
    shipped = [training_utils.load_network(PRETRAINED_DIR / f"{name}.npz") for name in NETWORKS]
    told, now = evaluation_utils.read_evaluation(), evaluation_utils.evaluate("test", *shipped)
    for row in SEARCHED:
        told["rows"][row], told["example"][row] = now["rows"][row], now["example"][row]
    evaluation_utils.write_evaluation(PRETRAINED_DIR / "evaluation.json", told)
    measure_creativity(shipped[0])
    file = PRETRAINED_DIR / "given.json"
    given = evaluation_utils.read_evaluation(file)
    for case, found in evaluation_utils.evaluate_given("test", shipped[0]).items():
        given[case]["rows"] |= found["rows"]
    evaluation_utils.write_evaluation(file, given)


def measure_creativity(generator):
    """Measure the knob."""
    knob = evaluation_utils.evaluate_creativity("valid", generator)
    evaluation_utils.write_evaluation(PRETRAINED_DIR / "creativity.json", knob)


def make_given(lesson):
    """Measure what is shipped where any part is given, beside its like that was only ever given melodies."""
    shipped = training_utils.load_network(PRETRAINED_DIR / "generator.npz")
    hearer = replace(lesson.BEST, condition_track_idx=0, filters=24, dropout=0.2, iterations=1600)
    melody_hearer, _ = train(lesson, "melody", hearer)  # more of it would be learned by heart
    others = {"hears the melody alone": melody_hearer.generator}
    given = evaluation_utils.evaluate_given("test", shipped, others)
    evaluation_utils.write_evaluation(PRETRAINED_DIR / "given.json", given)


PARTS = {
    "ladder": make_ladder,
    "classic": make_classic,
    "best": make_best,
    "exam": make_exam,
    "given": make_given,
}
AGAIN = {"searched": make_searched}  # instead of "exam", where no network has changed


def main(arguments=None):
    """Train, keep and measure all parts, or those that are named."""
    parser = argparse.ArgumentParser(prog="python -m pretrained.make", description=__doc__)
    known = PARTS | AGAIN
    told = f"{', '.join(PARTS)} (all); {', '.join(AGAIN)} (after a change of the search)"
    parser.add_argument("parts", nargs="*", default=list(PARTS), help=told)
    parts = parser.parse_args(arguments).parts
    if unknown := set(parts) - set(known):
        parser.error(f"{', '.join(sorted(unknown))}: no such part; choose of {', '.join(known)}")
    lesson = load_lesson()
    lesson.keras.config.set_dtype_policy(training_utils.choose_precision())
    for part in parts:
        known[part](lesson)


if __name__ == "__main__":
    main()

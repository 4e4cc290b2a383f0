"""Train both recipes from nothing, measure them once on the test split, and store what is shipped.

``make pretrained``: about two hours on two cores. A run that is cut off goes on from its last checkpoint.
"""

import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import utils.quiet_tensorflow  # noqa: E402, F401
from utils import evaluation_utils, path_utils, run_notebook, training_utils  # noqa: E402

NETWORKS = ("generator.npz", "critic.npz")


def train(recipe):
    """Run the lesson with one preset.

    Parameters
    ----------
    recipe : {"classic", "best"}

    Returns
    -------
    Path
        The folder of the run.
    """
    run_notebook.run_notebook(path_utils.ROOT_DIR / f"{recipe}.ipynb", {"PRESET": recipe})
    runs = path_utils.MODEL_DIR.glob(f"{recipe}-*/preload/generator.npz")
    return max(runs, key=lambda file: file.stat().st_mtime).parent.parent


def keep(run, recipe):
    """Store the history of a run and what it played at every checkpoint.

    Parameters
    ----------
    run : Path
    recipe : {"classic", "best"}
    """
    target = path_utils.PRETRAINED_DIR / recipe
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    shutil.copy(run / "run.json", target)
    shutil.copy(max((run / "preload").glob("checkpoint-*/history.json")), target)
    for file in (run / "sample").glob("iteration-*.mid"):
        shutil.copy(file, target)


def main():
    """Train, keep and measure."""
    runs = {recipe: train(recipe) for recipe in ("classic", "best")}
    for recipe, run in runs.items():
        keep(run, recipe)
    for name in NETWORKS:
        shutil.copy(runs["best"] / "preload" / name, path_utils.PRETRAINED_DIR)
    generator, critic = (training_utils.load_network(path_utils.PRETRAINED_DIR / name) for name in NETWORKS)
    classic = training_utils.load_network(runs["classic"] / "preload" / "generator.npz")
    evaluation = evaluation_utils.evaluate("test", generator, critic, {"classic recipe": classic})
    evaluation_utils.write(path_utils.PRETRAINED_DIR / "evaluation.json", evaluation)


if __name__ == "__main__":
    main()

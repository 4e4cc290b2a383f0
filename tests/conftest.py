import utils.quiet_tensorflow  # noqa: F401 isort: skip (before TensorFlow is imported)

import copy
import os
import shutil
from pathlib import Path

import filelock
import nbformat
import pytest

from utils.lesson.definitions import NOTEBOOK, load_lesson
from utils.lesson.execution import run_notebook

# Where several processes share the work, the longest files begin, so that none is left alone at the end.
LONGEST_FIRST = (
    *("test_notebook.py", "test_run.py", "test_browser_hosts.py", "test_browser.py", "test_replicas.py"),
    *("test_browser_instrument.py", "test_browser_panel.py", "test_corpus.py", "test_jobs.py"),
)
LEFT_BEHIND = shutil.ignore_patterns(".git", ".venv", "Experiments", "__pycache__", ".*_cache")

os.environ["SOUNDFONT"] = "none"  # the built-in sounds, on machines with FluidSynth too


def pytest_collection_modifyitems(items):
    def rank(item):
        name = item.path.name
        return LONGEST_FIRST.index(name) if name in LONGEST_FIRST else len(LONGEST_FIRST)

    items.sort(key=rank)


@pytest.fixture(scope="session")
def lesson():
    """The notebook's definitions, as a module."""
    return load_lesson()


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy without what earlier runs have left."""
    folder = tmp_path_factory.mktemp("copy") / "project"
    return Path(shutil.copytree(NOTEBOOK.parent, folder, ignore=LEFT_BEHIND))


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory):
    """The folder for pictures of what a browser showed: that of the variable SCREENSHOTS, if it is set."""
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def executed_lesson(tmp_path_factory):
    """A copy in which the lesson was run in its smoke preset; once, whatever number of processes ask.

    In ``Experiments/twice.ipynb`` every cell has run twice: nothing may depend on running once. What runs
    for the second time has an id that ends in ``-again``.
    """
    common = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        common = common.parent
    folder = common / "executed-lesson"
    executed = folder / "Experiments" / "twice.ipynb"
    with filelock.FileLock(f"{folder}.lock"):
        if not (folder / "executed").exists():
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(NOTEBOOK.parent, folder, ignore=LEFT_BEHIND)
            nbformat.write(_doubled(nbformat.read(NOTEBOOK, as_version=4)), folder / "twice.ipynb")
            run_notebook(executed, {"PRESET": "smoke"}, folder / "twice.ipynb", folder)
            (folder / "executed").touch()
    return folder


def _doubled(notebook):
    cells = []
    for cell in notebook.cells:
        cells.append(cell)
        if cell.cell_type == "code" and "parameters" not in cell.metadata.get("tags", []):
            again = copy.deepcopy(cell)
            again.id = f"{cell.id}-again"
            cells.append(again)
    notebook.cells = cells
    return notebook

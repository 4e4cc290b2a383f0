"""Run the whole lesson without opening it: ``python -m utils.run_notebook --preset tour``."""

from __future__ import annotations

import argparse
import copy
import sys
import time
from pathlib import Path

from utils import path_utils

NOTEBOOK = Path("notebook.ipynb")


def run_notebook(output, parameters, notebook=NOTEBOOK, folder="."):
    """Execute every cell in order, in a fresh kernel, with a progress bar.

    Parameters
    ----------
    output : str or Path
        The executed notebook; it fills as the cells finish, so a failed run can be read.
    parameters : dict
        Overrides of the cell tagged ``parameters``.
    notebook : str or Path
    folder : str or Path
        The project's root, where the cells run.

    Returns
    -------
    nbformat.NotebookNode
        The executed notebook.

    Raises
    ------
    papermill.PapermillExecutionError
        If a cell fails.
    """
    import papermill

    Path(output).parent.mkdir(parents=True, exist_ok=True)
    return papermill.execute_notebook(
        str(notebook), str(output), parameters, kernel_name="python3", cwd=str(folder)
    )


def write_page(executed, path):
    """Write an executed notebook as one HTML page, pictures and sound inside.

    Parameters
    ----------
    executed : nbformat.NotebookNode
    path : str or Path

    Returns
    -------
    Path
    """
    from nbconvert import HTMLExporter

    page, _ = HTMLExporter().from_notebook_node(without_widgets(executed))
    return path_utils.write_whole(path, lambda name: Path(name).write_text(page, encoding="utf-8"))


def without_widgets(executed):
    """Leave of each widget the words that stand for it: without a kernel a widget does nothing.

    Parameters
    ----------
    executed : nbformat.NotebookNode

    Returns
    -------
    nbformat.NotebookNode
        A copy, which asks no server for the program that draws widgets.
    """
    still = copy.deepcopy(executed)
    still.metadata.pop("widgets", None)
    for cell in still.cells:
        for output in cell.get("outputs", []):
            output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
    return still


def write_sounds(folder, since):
    """Render the MIDI files of finished arrangements as MP3 beside them.

    Parameters
    ----------
    folder : str or Path
        Searched for ``eval/*.mid``.
    since : float
        Seconds since the epoch; older files are left alone.

    Returns
    -------
    list of Path
        The sounds.
    """
    from utils import audio_utils

    fresh = [file for file in sorted(Path(folder).glob("**/eval/*.mid")) if file.stat().st_mtime >= since]
    return [audio_utils.write_audio(file, file.with_suffix(".mp3")) for file in fresh]


def main(arguments=None):
    """Parse the command line, run the lesson, and say where everything is."""
    parser = argparse.ArgumentParser(prog="python -m utils.run_notebook", description=__doc__)
    parser.add_argument("--preset", default="tour", help="smoke, tour (default), classic or best")
    parser.add_argument("--iterations", type=int, help="train for so many instead of the preset's")
    parser.add_argument("--output", type=Path, default=path_utils.ROOT_DIR / "notebook.ipynb")
    options = parser.parse_args(arguments)
    started = time.time()
    parameters = {"PRESET": options.preset, "ITERATIONS": options.iterations}
    executed = run_notebook(options.output, parameters)
    page = write_page(executed, options.output.with_suffix(".html"))
    sounds = write_sounds(path_utils.MODEL_DIR, started)
    print(f"\nDone in {(time.time() - started) / 60:.1f} minutes.")
    print(f"The executed page:  {page}")
    print(f"The same notebook:  {options.output}")
    for sound in sounds:
        print(f"Listen:             {sound}  (MIDI beside it: {sound.with_suffix('.mid').name})")


if __name__ == "__main__":
    sys.exit(main())

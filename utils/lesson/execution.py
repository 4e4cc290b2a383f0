"""The lesson, executed from its first cell to its last."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from pathlib import Path

from ..path_utils import worker

NOTEBOOK = Path("notebook.ipynb")
GRACE = 25  # seconds that a training gets to finish its iteration and save, when the job is told to end
KILLED = 137  # the exit code if it needs longer: 128 and the number of SIGKILL
# TensorFlow's servers compute in threads whose memory glibc hands back after nearly every operation; the
# system then clears it and hands it out again, which takes workers on CPUs a third of their time.
KEEP_MEMORY = "glibc.malloc." + ":glibc.malloc.".join(
    ("arena_max=1", f"mmap_threshold={2**30}", f"trim_threshold={2**32}", f"top_pad={2**28}")
)


def run_notebook(output, parameters, notebook=NOTEBOOK, folder=".", lines=False):
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
    lines : bool
        Print what the cells print, and the training's progress in lines, instead of the bar.

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

    from .progress import LessonEngine

    papermill.engines.papermill_engines.register("lesson", LessonEngine)
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    log = {"progress_bar": False, "stdout_file": sys.stdout, "stderr_file": sys.stderr} if lines else {}
    with environment(LIVE_VIEW="lines") if lines else contextlib.nullcontext():
        return papermill.execute_notebook(
            str(notebook), str(output), parameters, "lesson", kernel_name="python3", cwd=str(folder), **log
        )


@contextlib.contextmanager
def environment(**variables):
    """Set variables for the kernels started meanwhile."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def worker_environment():
    """Give the variables that a process needs to be a fast worker; none if it trains alone.

    Returns
    -------
    dict of str to str
        glibc reads them when a process starts, so they have to be set before.
    """
    alone = worker()[1] == 1
    return {} if alone or "GLIBC_TUNABLES" in os.environ else {"GLIBC_TUNABLES": KEEP_MEMORY}


@contextlib.contextmanager
def termination():
    """Let the kernel save when we are told to end (SIGTERM, Ctrl-C), and end it after a period of grace.

    A second signal ends everything at once.

    Yields
    ------
    callable
        Gives 0, or once a signal has come the exit code that shells know: 143 or 130. If the kernel has to
        be killed, the process ends with 137.
    """
    import psutil

    codes = []

    def tell(number, frame):
        codes.append(128 + number)
        if len(codes) > 1:
            end()
        print("Told to end; saving.", file=sys.stderr, flush=True)
        for child in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                child.terminate()
        last_resort = threading.Timer(GRACE, end)
        last_resort.daemon = True
        last_resort.start()

    def end():
        for child in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                child.kill()
        os._exit(KILLED)

    before = {number: signal.signal(number, tell) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield lambda: codes[0] if codes else 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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
    from ..songs.sound import write_audio

    fresh = [file for file in sorted(Path(folder).glob("**/eval/*.mid")) if file.stat().st_mtime >= since]
    return [write_audio(file, file.with_suffix(".mp3")) for file in fresh]

"""Install the oldest and the newest supported versions, run the smoke preset with each, print a table.

``python tests/version_matrix.py`` takes every Python from 3.11 to 3.13 that it finds, about ten minutes and
3 GB for each row; one environment exists at a time. ``--rows oldest-3.11 newest-3.13`` chooses.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
PYTHONS = ("3.11", "3.12", "3.13")
# The lower ends of requirements.txt, and the oldest Keras that the oldest TensorFlow and the lesson go with.
OLDEST = {
    "tensorflow": "==2.18.*",
    "keras": "==3.5.*",
    "numpy": "==1.26.*",
    "music21": "==9.1.*",
    "matplotlib": "==3.8.*",
    "scipy": "==1.15.*",
}
# Later Pythons need later packages than the oldest.
OLDEST_BY_PYTHON = {
    "3.13": OLDEST
    | {"tensorflow": "==2.20.*", "keras": "==3.10.*", "numpy": "==2.1.*", "matplotlib": "==3.9.*"}
}
SHOWN = ("tensorflow", "keras", "numpy", "music21", "scipy", "matplotlib")
INSTALLING, RUNNING = 1800, 1200  # seconds


def find_python(version):
    """Find an interpreter that runs, or None."""
    places = [shutil.which(f"python{version}"), *Path.home().glob(f".pyenv/versions/{version}.*/bin/python")]
    for place in filter(None, places):
        answer = run([place, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], 60)
        if answer.returncode == 0 and answer.stdout.strip() == version:
            return str(place)
    return None


def run(command, seconds, **options):
    """Run a command whose output is kept; running out of time is a failure like any other."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=seconds, **options)
    except subprocess.TimeoutExpired as error:
        return subprocess.CompletedProcess(command, 124, "", f"not done after {error.timeout:.0f} seconds")


def rows():
    """Name every row: its Python and its constraints."""
    return {
        f"{age}-{python}": (python, OLDEST_BY_PYTHON.get(python, OLDEST) if age == "oldest" else {})
        for python in PYTHONS
        for age in ("oldest", "newest")
    }


def try_row(python, constraints, folder):
    """Install and run the smoke preset.

    Returns
    -------
    versions : dict of str to str
    verdict : str
        ``ok`` and the minutes, or the last line of what went wrong.
    """
    interpreter = find_python(python)
    if interpreter is None:
        return {}, "no such Python here"
    venv, project, limits = folder / "venv", folder / "project", folder / "constraints.txt"
    limits.write_text("".join(f"{package}{version}\n" for package, version in constraints.items()))
    run([interpreter, "-m", "venv", str(venv)], 300)
    own = str(venv / "bin" / "python")
    requirements = ["-r", str(ROOT / "requirements.txt"), "-c", str(limits)]
    pip = [own, "-m", "pip", "install", "--quiet", "--no-cache-dir", "--disable-pip-version-check"]
    installed = run([*pip, *requirements], INSTALLING)
    if installed.returncode:
        return {}, "not installed: " + last_line(installed)
    ask = f"from importlib.metadata import version; print(*map(version, {SHOWN}))"
    versions = dict(zip(SHOWN, run([own, "-c", ask], 60).stdout.split(), strict=False))
    left_behind = shutil.ignore_patterns(".git", ".venv", "Experiments", "__pycache__", ".*_cache")
    shutil.copytree(ROOT, project, ignore=left_behind)
    began = time.perf_counter()
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "TF_CONFIG")}
    command = [own, "-m", "utils.run_notebook", "--preset", "smoke", "--job"]
    ended = run(command, RUNNING, cwd=project, env=env)
    if ended.returncode:
        return versions, "failed: " + last_line(ended)
    return versions, f"ok, {(time.perf_counter() - began) / 60:.1f} minutes"


def last_line(process):
    lines = (process.stderr.strip() or process.stdout.strip()).splitlines() or [f"exit {process.returncode}"]
    return lines[-1][:120]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", nargs="*", choices=list(rows()), default=list(rows()))
    chosen = parser.parse_args().rows
    print(f"| row | Python | {' | '.join(SHOWN)} | smoke preset |")
    print("|" + "---|" * (len(SHOWN) + 3), flush=True)
    failed = False
    for name in chosen:
        python, constraints = rows()[name]
        with tempfile.TemporaryDirectory() as folder:
            versions, verdict = try_row(python, constraints, Path(folder))
        failed |= not verdict.startswith(("ok", "no such"))
        shown = " | ".join(versions.get(package, "") for package in SHOWN)
        print(f"| {name} | {python} | {shown} | {verdict} |", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

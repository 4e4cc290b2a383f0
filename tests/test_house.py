"""How the package is built: which room may import which, and what nobody has to wait for."""

import ast
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
UTILS = ROOT / "utils"
# From the ground up: a room imports only from its own folder and from those before it.
FOLDERS = (
    "music",
    "songs",
    "pictures",
    "networks",
    "corpus",
    "training",
    "arranger",
    "panel",
    "exam",
    "lesson",
)
GROUND = ("path_utils", "quiet_tensorflow")  # anybody may import these
HEAVY = ("tensorflow", "keras", "music21", "pypianoroll", "matplotlib", "moviepy", "IPython", "tensorboard")


def rooms():
    return sorted(UTILS.rglob("*.py"))


def imports(file):
    """Every module that a file imports, here or there, as (dots, name)."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (
                [(node.level, node.module)]
                if node.module
                else [(node.level, alias.name) for alias in node.names]
            )


def folder_of(file):
    return file.parent.name if file.parent != UTILS else ""


def test_every_folder_has_its_place():
    found = {path.parent.name for path in UTILS.glob("*/__init__.py")}
    assert found == set(FOLDERS)
    text = (UTILS / "__init__.py").read_text()
    assert re.findall(r"``(\w+)/``", text) == list(FOLDERS)
    tops = {path.stem for path in UTILS.glob("*.py")} - {"__init__"}
    assert set(re.findall(r"^``(\w+)``", text, re.M)) == tops


@pytest.mark.parametrize("file", rooms(), ids=lambda file: str(file.relative_to(UTILS)))
def test_imports_lead_down(file):
    own = folder_of(file)
    for dots, name in imports(file):
        if dots == 0:
            assert not name.startswith("utils"), f"{name}: installed, the package has another name"
            continue
        target = name.partition(".")[0]
        if own and dots == 2 and target not in GROUND:
            assert FOLDERS.index(target) < FOLDERS.index(own), f"{own} imports {name}"
        assert dots <= 2


def test_what_is_imported_is_declared():
    """The packages that the code imports are those that it asks for."""
    files = ("requirements.txt", "requirements-dev.txt")  # the second to publish the lesson's outputs
    requirements = re.findall(r"^[\w-]+", "\n".join((ROOT / file).read_text() for file in files), re.M)
    declared = {name.lower().replace("-", "_") for name in requirements}
    owners = packages_distributions()
    optional = {"fluidsynth"}  # with a soundfont of one's own
    used = {name.partition(".")[0] for file in rooms() for dots, name in imports(file) if dots == 0}
    for module in used - set(sys.stdlib_module_names) - optional:
        names = {owner.lower().replace("-", "_") for owner in owners[module]}
        assert names & declared, f"{module} is imported, but requirements.txt does not name it"


def test_every_required_package_is_used():
    """Nothing is installed for nothing; `jupyter` is the reader's, `tensorboard` a job's."""
    owners = packages_distributions()
    used = {name.partition(".")[0] for file in rooms() for dots, name in imports(file) if dots == 0}
    distributions = {owner.lower().replace("-", "_") for module in used for owner in owners.get(module, ())}
    requirements = re.findall(r"^[\w-]+", (ROOT / "requirements.txt").read_text(), re.M)
    declared = {name.lower().replace("-", "_") for name in requirements}
    assert declared - distributions == {"jupyter", "tensorboard"}


def loaded(code):
    """Which of the heavy packages a fresh process holds after some code."""
    ask = f"import sys\n{code}\nprint(*[name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split("\n")[-2].split())


@pytest.mark.parametrize(
    ("code", "needed"),
    [
        ("from utils import harmonize\ntry: harmonize.main(['--help'])\nexcept SystemExit: pass", set()),
        (
            "from utils import dataset_utils\ntry: dataset_utils.main(['--help'])\nexcept SystemExit: pass",
            set(),
        ),
        (
            "from utils import run_notebook\ntry: run_notebook.main(['--help'])\nexcept SystemExit: pass",
            set(),
        ),
        ("from utils import inference_utils, midi_utils, metrics_utils, path_utils", set()),
        ("from utils.songs.melody import read_melody; read_melody('input_twinkle_twinkle.mid')", set()),
        (
            "from utils import display_utils; from utils.midi_utils import read_grid; "
            "display_utils.draw_roll(*read_grid('original_midi/MIDI-0.mid')[:2])",
            {"matplotlib", "IPython"},
        ),
    ],
    ids=["--help", "dataset --help", "lesson --help", "inference", "reading", "drawing"],
)
def test_nobody_waits_for_what_they_do_not_need(code, needed):
    assert loaded(code) <= needed


def test_loading_a_network_needs_keras_and_no_more_of_ours():
    code = (
        "from utils.networks.store import load_shipped; load_shipped(); import sys; "
        "print(*sorted(name for name in sys.modules if name.startswith('utils.')), file=sys.stdout)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    folders = {name.split(".")[1] for name in done.stdout.split()}
    assert folders == {"networks", "music", "path_utils", "quiet_tensorflow"}

"""The lesson as its readers meet it: executed, and as it is committed."""

import ast
import base64
import json
import re

import mido
import nbformat
import numpy as np
import pytest

from utils.corpus.own_music import build_own_dataset
from utils.corpus.roll_files import ROLL_FILES
from utils.lesson import execution
from utils.lesson.definitions import NOTEBOOK, read_cells
from utils.lesson.page import write_page
from utils.lesson.publish import code_stamp
from utils.music.grid import onsets_of
from utils.songs.melody import read_melody
from utils.songs.write_midi import write_midi

ROOT = NOTEBOOK.parent
MACHINE_PATHS = re.compile(r"/(?:home|root|work|tmp|Users|opt|var)/\w")


@pytest.fixture(scope="module")
def executed(executed_lesson):
    """The smoke run, with every cell run twice."""
    return nbformat.read(executed_lesson / "Experiments" / "twice.ipynb", as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def outputs(notebook):
    return [output for cell in code_cells(notebook) for output in cell["outputs"]]


def printed(notebook):
    return "".join("".join(o["text"]) for o in outputs(notebook) if o["output_type"] == "stream")


def test_the_lesson_runs_without_errors_or_noise(executed):
    assert all(output["output_type"] != "error" for output in outputs(executed))
    noise = [o["text"] for o in outputs(executed) if o["output_type"] == "stream" and o["name"] == "stderr"]
    assert noise == []


def test_the_lesson_trains_and_leaves_its_artifacts(executed, executed_lesson):
    (run,) = (executed_lesson / "Experiments" / "2Bar").glob("smoke-*")
    history = json.loads((run / "preload" / "checkpoint-000003" / "history.json").read_text())["history"]
    assert [len(values) for values in history.values()] == [3, 3, 3, 3]
    assert np.isfinite(history["critic_loss"] + history["generator_loss"] + history["critic_slope"]).all()
    for iteration in range(3):
        assert (run / "train" / f"sample_iteration_{iteration:05d}.png").stat().st_size > 10_000
        samples = mido.MidiFile(run / "sample" / f"iteration-{iteration}.mid")
        assert samples.length == pytest.approx(4 * 8 * 0.6, abs=0.7)  # four samples of two bars at 100 bpm
    assert (run / "train" / "movie.mp4").stat().st_size > 10_000
    own = [np.load(executed_lesson / "Experiments" / "own" / file).shape for file in ROLL_FILES.values()]
    assert sum(shape[0] for shape in own) == 229


def test_the_melody_is_in_every_arrangement(executed, executed_lesson):
    melody = read_melody(ROOT / "input_twinkle_twinkle.mid")
    arrangements = list((executed_lesson / "Experiments" / "2Bar").glob("**/eval/*.mid"))
    assert len(arrangements) == 6  # listen first, one's own, four takes
    for file in arrangements:
        kept = read_melody(file, track=0)
        assert kept.notes == melody.notes
        tracks = [track.name for track in mido.MidiFile(file).tracks]
        assert tracks[-3:] == ["alto", "tenor", "bass"]


def test_the_lesson_prints_what_it_claims(executed):
    text = printed(executed)
    for claim in (
        "parameters of the classic generator: 8,273,540",
        "parameters of the classic critic: 2,766,785",
        "second batch, served alone, is the same: True",
        "same scores: True",
        "the same as train.npy: True",
    ):
        assert claim in text
    assert "same: False" not in text


def test_sound_and_pictures_are_in_the_page(executed, executed_lesson):
    html = [o["data"]["text/html"] for o in outputs(executed) if "text/html" in o.get("data", {})]
    assert sum("data:audio/mpeg;base64," in "".join(piece) for piece in html) >= 2 * 6
    assert sum("image/png" in o.get("data", {}) for o in outputs(executed)) >= 2 * 10
    page = write_page(executed, executed_lesson / "page.html")
    assert "data:audio/mpeg" in page.read_text(encoding="utf-8")


def test_every_picture_has_words(executed, committed):
    """In JupyterLab and in the page, which show HTML, and where a PNG is shown."""
    for notebook, least in ((executed, 2 * 10), (committed, 10)):
        shown = [o for o in outputs(notebook) if "image/png" in o.get("data", {})]
        assert len(shown) >= least
        for output in shown:
            assert len(output["metadata"]["image/png"]["alt"]) > 30
    for output in outputs(executed):
        data = output.get("data", {})
        html = "".join(data.get("text/html", ""))
        assert "image/png" not in data or "<img" in html
        assert all(re.search(r'alt="[^"]{15,}"', picture) for picture in re.findall(r"<img[^>]*?src=", html))
    for cell in committed.cells:
        if cell.cell_type == "markdown":
            assert all(len(alt) > 30 for alt in re.findall(r"!\[(.*?)\]\(", cell.source))


def test_the_page_is_one_file_of_pictures_sound_and_equations(tmp_path):
    png = base64.b64encode((ROOT / "images" / "critic.png").read_bytes()).decode()
    told = {"image/png": {"alt": "A critic <of all>", "width": 300}}
    shown = nbformat.v4.new_output("display_data", {"image/png": png}, metadata=told)
    prose = r"$$ \sum_i \lVert x_i \rVert $$ and $x < y$ cost 5 \$: ![Five sheets](images/critic.png)"
    cells = [nbformat.v4.new_markdown_cell(prose), nbformat.v4.new_code_cell("draw()", outputs=[shown])]
    page = write_page(nbformat.v4.new_notebook(cells=cells), tmp_path / "page.html", ROOT)
    html = page.read_text(encoding="utf-8")
    assert html.count("<math") == 2 and "$$" not in html and "5 $" in html and "<script" not in html
    assert re.search(r'<img alt="Five sheets" src="data:image/png;base64,', html)
    assert re.search(r'<img alt="A critic (<|&lt;)of all(>|&gt;)" [^>]*width="300"', html)
    assert not re.findall(r'(?:src|href)="(?!data:|#)', html)


def test_what_is_folded_in_the_prose_is_folded_in_the_page(tmp_path):
    prose = "<details><summary>Solutions</summary>\n\n1. Count *all*.\n\n</details>\n\nAfter."
    lesson = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(prose)])
    html = write_page(lesson, tmp_path / "page.html").read_text(encoding="utf-8")
    assert (
        html.index("<details>") < html.index("<em>all</em>") < html.index("</details>") < html.index("After.")
    )


def test_pages_show_words_in_place_of_widgets(tmp_path):
    bundle = {"text/plain": "A panel.", "application/vnd.jupyter.widget-view+json": {"model_id": "1"}}
    output = nbformat.v4.new_output("display_data", bundle)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("panel()", outputs=[output])])
    notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {}}}
    page = write_page(notebook, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "A panel." in page and "widget-view" not in page and "html-manager" not in page
    assert notebook.metadata["widgets"]  # the notebook itself stays as it was


@pytest.mark.parametrize("voices", [2, pytest.param(6, marks=pytest.mark.slow)])
def test_the_lesson_trains_on_music_of_any_number_of_voices(project, tmp_path, voices):
    for number in range(12):
        beats = np.random.default_rng(number).integers(50, 75, (32, voices))
        grid = np.repeat(beats, 4, axis=0).astype(np.int8)
        write_midi(tmp_path / "music" / f"{number}.mid", grid, onsets_of(grid))
    build_own_dataset(tmp_path / "music", tmp_path / "data", held_out=0.15)
    parameters = {
        "PRESET": "smoke",
        "DATA": str(tmp_path / "data" / "train.npy"),
        "VALID": str(tmp_path / "data" / "valid.npy"),
    }
    lesson = nbformat.read(project / "notebook.ipynb", as_version=4)
    # From the training on, without the chapters that show what is shipped.
    last = next(
        n for n, cell in enumerate(lesson.cells) if cell.source.startswith("### The whole training as a film")
    )
    measures = [cell for cell in lesson.cells if "real_grid" in cell.source and cell.cell_type == "code"]
    own_song = [cell for cell in lesson.cells if "generate_midi(gan.generator" in cell.source]
    lesson.cells = lesson.cells[:last] + measures + own_song
    nbformat.write(lesson, project / f"{voices}-voices.ipynb")
    executed = execution.run_notebook(
        tmp_path / "executed.ipynb", parameters, project / f"{voices}-voices.ipynb", project
    )
    assert all(output["output_type"] != "error" for output in outputs(executed))
    assert "this run (3 iterations)" in printed(executed)
    made = max(
        (project / "Experiments" / "2Bar").glob("**/*_accompanied.mid"), key=lambda f: f.stat().st_mtime
    )
    assert len(mido.MidiFile(made).tracks) == 1 + voices


# --- As committed ------------------------------------------------------------


@pytest.fixture(scope="module")
def committed():
    return nbformat.read(NOTEBOOK, as_version=4)


WORDS = 180  # a minute, of prose in a second language
LINES = 20  # of code a minute
LOOK = 20  # seconds to look at a picture or to listen to a player


def minutes_of(path):
    """How long the main path takes to read: what stands under no heading that says (optional)."""
    minutes, optional = 0, {2: False, 3: False}
    for cell in read_cells(path):
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            lines = sum(bool(line.strip()) for line in source.splitlines())
            shown = bool(re.search(r"display(_utils)?\.", source))
            minutes += 0 if any(optional.values()) else lines / LINES + shown * LOOK / 60
            continue
        for section in re.split(r"^(?=##)", source, flags=re.M):
            if heading := re.match(r"(##+) (.*)", section):
                level = len(heading[1])
                optional |= {n: n == level and "(optional)" in heading[2] for n in (2, 3) if n >= level}
            prose = re.sub(r"\$\$.*?\$\$|<details>.*?</details>|```.*?```", "", section, flags=re.S)
            minutes += 0 if any(optional.values()) else len(prose.split()) / WORDS
    return minutes


def test_the_lesson_says_how_long_it_takes_and_that_is_an_hour_at_most():
    minutes = minutes_of(NOTEBOOK)
    assert f"about **{minutes:.0f} minutes**" in "".join(read_cells()[0]["source"])
    assert minutes <= 60


def test_there_are_no_more_code_cells_than_there_were(committed):
    assert len(code_cells(committed)) <= 100


def test_snippets_in_the_prose_are_python():
    prose = "".join("".join(cell["source"]) for cell in read_cells() if cell["cell_type"] == "markdown")
    snippets = re.findall(r"```python\n(.*?)```", prose, re.S)
    assert len(snippets) == 3
    for snippet in snippets:
        ast.parse(snippet)


def test_outputs_belong_to_the_code(committed):
    assert committed.metadata.get("code_sha256") == code_stamp(committed), "run `make outputs`"


def test_outputs_are_those_of_one_run_from_top_to_bottom(committed):
    counts = [cell.execution_count for cell in code_cells(committed)]
    assert counts == list(range(1, len(counts) + 1))


def test_outputs_are_clean(committed):
    for output in outputs(committed):
        assert output["output_type"] != "error"
        assert output.get("name") != "stderr"
        text = json.dumps({k: v for k, v in output.items() if k != "metadata"})
        text = re.sub(r"base64,[A-Za-z0-9+/=\\n]+", "", text)
        found = MACHINE_PATHS.search(text) if "image/png" not in text else None
        assert not found, text[max(found.start() - 80, 0) : found.end() + 40]


def test_the_page_stays_light(committed):
    assert NOTEBOOK.stat().st_size < 6e6


# --- Numbers in the prose ----------------------------------------------------

# Numbers that no cell of their chapter holds, by the cell's id, and why they may stand there.
NO_RESULTS = {
    "bc52a356": {"60": "minutes of reading"},
    "03d351f8": {"16": "bits", "32": "bits"},
    "5d0c7a11": {"48": "rows of a register"},
    "c8bc1b52": {"128": "pitches", "229": "snippets, printed in chapter 3"},
    "6c616464": {"229": "snippets, printed in chapter 3"},
    "72c12f5f": {"229": "snippets, printed in chapter 3"},
    "51c90d0a": {"64": "filters, given by an exercise"},
    "05f354a0": {"5184": "the solution of an exercise"},
    "e408b7e7": {"95": "the size of an interval, in percent"},
}
YEAR = re.compile(r"\b(?:19|20)\d\d\b")
NUMBER = re.compile(r"(?<![\w.,])\d*[.,]?\d[\d,]*(?:\.\d+)?")
FEW = 12  # numbers up to this one count what the reader sees
NO_PROSE = r"```.*?```|\$\$.*?\$\$|\$[^$]+\$|`[^`]*`|\]\([^)]*\)|https?://\S+|arXiv:\S+|^#[^\n]*$"


def numbers_of(text):
    """Find all numbers: "1,000" is 1000, and "0.48" is .48."""
    return {number.replace(",", "").lstrip("0") or "0" for number in NUMBER.findall(text)}


def told_by(cell):
    """All that a code cell says: its code and what it printed."""
    said = [cell.source]
    for output in cell.outputs:
        data = output.get("data", {})
        shown = re.sub(r"<[^>]*>", " ", data.get("text/html", ""))
        said += [output.get("text", ""), shown, data.get("text/plain", ""), data.get("text/markdown", "")]
    return "\n".join(said)


def unexplained_numbers(notebook):
    """List the numbers of each piece of prose that no code cell of its chapter holds: dict of id to set."""
    chapters = [[]]
    for cell in notebook.cells:
        if cell.source.startswith("## "):
            chapters.append([])
        chapters[-1].append(cell)
    found = {}
    for chapter in chapters:
        told = numbers_of("\n".join(told_by(cell) for cell in chapter if cell.cell_type == "code"))
        for cell in (cell for cell in chapter if cell.cell_type == "markdown"):
            prose = YEAR.sub("", re.sub(NO_PROSE, " ", cell.source, flags=re.DOTALL | re.MULTILINE))
            numbers = {n for n in numbers_of(prose) - told if not (n.isdigit() and int(n) <= FEW)}
            found |= {cell.id: numbers} if numbers else {}
    return found


def test_each_number_in_the_prose_is_one_that_a_cell_of_its_chapter_holds(committed):
    for cell, numbers in unexplained_numbers(committed).items():
        assert numbers <= set(NO_RESULTS.get(cell, ())), cell


def test_a_number_that_no_cell_prints_is_found():
    prose = "It reaches 0.48 of 1,100 in 2017, $x = 99$, with `77`; three of 12."
    printed = nbformat.v4.new_output("stream", text="0.48 of 1100")
    cells = [
        nbformat.v4.new_markdown_cell("## 1. One\n" + prose, id="one"),
        nbformat.v4.new_code_cell("show()", outputs=[printed]),
        nbformat.v4.new_markdown_cell("## 2. Two\n" + prose.replace("48", "49"), id="two"),
    ]
    assert unexplained_numbers(nbformat.v4.new_notebook(cells=cells)) == {"two": {".49", "1100"}}


def test_the_bar_follows_the_iterations_of_a_training(tmp_path, capfd):
    cell = """
from IPython.display import HTML, display
figure = display(HTML(""), display_id=True)
for done in range(4):
    figure.update(HTML(""), metadata={"iterations": [done, 3]})
"""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    nbformat.write(notebook, tmp_path / "training.ipynb")
    execution.run_notebook(tmp_path / "executed.ipynb", {}, tmp_path / "training.ipynb", tmp_path)
    told = capfd.readouterr().err
    assert re.search(r"Training:.*\b0/3 ", told) and "1/1 " in told
    assert "WARNING" not in told


def test_papermill_understands_the_parameters(caplog):
    import papermill

    known = papermill.inspect_notebook(str(NOTEBOOK))
    assert {name: value["default"] for name, value in known.items()} == {
        "PRESET": '"tour"',
        "ITERATIONS": "None",
        "DATA": "None",
        "VALID": "None",
    }
    assert caplog.text == ""

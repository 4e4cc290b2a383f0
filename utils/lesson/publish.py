"""Run the lesson in its default preset and store the outputs in both editions of it: ``make outputs``."""

from __future__ import annotations

import base64
import hashlib
import io
import sys
import tempfile
from pathlib import Path

import nbformat
from PIL import Image

from ..path_utils import MODEL_DIR, atomic_write
from . import korean
from .execution import NOTEBOOK, run_notebook
from .page import without_widgets


def code_stamp(notebook):
    """Fingerprint the code cells: outputs that carry another one belong to another lesson."""
    code = "\n\n".join(cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code")
    return hashlib.sha256(code.encode()).hexdigest()


def lighten(png):
    """Give a picture (base64) a palette of 256 colors: a third of the bytes, and nobody sees it."""
    small = io.BytesIO()
    with Image.open(io.BytesIO(base64.b64decode(png))) as picture:
        picture.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    return min(png, base64.b64encode(small.getvalue()).decode(), key=len)


def is_progress_bar(output):
    """Tell what is left of a progress bar without widgets: a line that says 0%."""
    data = output.get("data", {})
    return set(data) == {"text/plain"} and "%|" in data["text/plain"]


def tidy(notebook):
    """Drop what only says when and where the notebook was run, and widgets, which need a kernel."""
    notebook = without_widgets(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not is_progress_bar(output)]
        tags = cell.metadata.get("tags")
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        for output in cell.get("outputs", ()):
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = lighten(output.data["image/png"])
                output.data.pop("text/html", None)  # the same again; GitHub is sure to show a PNG
    notebook.metadata.pop("papermill", None)
    notebook.metadata["code_sha256"] = code_stamp(notebook)
    return notebook


def main():
    """Run the lesson and store what it gave."""
    if MODEL_DIR.exists():
        sys.exit(f"{MODEL_DIR} holds earlier runs, which would show: move it away.")
    with tempfile.TemporaryDirectory() as folder:
        executed = run_notebook(Path(folder) / "notebook.ipynb", {})
    atomic_write(NOTEBOOK, lambda name: nbformat.write(tidy(executed), name))
    korean.main([])


if __name__ == "__main__":
    main()

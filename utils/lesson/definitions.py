"""The definitions of the notebook, lifted out of it, so that tests and makers use what readers read."""

from __future__ import annotations

import ast
import json
from types import ModuleType

from ..path_utils import PROJECT_DIR

NOTEBOOK = PROJECT_DIR / "notebook.ipynb"


def read_cells(path=NOTEBOOK):
    """Read the cells of a notebook: list of dict."""
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def load_lesson(path=NOTEBOOK):
    """Execute imports, functions, classes and UPPER_CASE constants of the notebook, and nothing else.

    Parameters
    ----------
    path : Path

    Returns
    -------
    module
    """
    source = "\n\n".join("".join(c["source"]) for c in read_cells(path) if c["cell_type"] == "code")
    tree = ast.parse(source)
    tree.body = [node for node in tree.body if _is_definition(node)]
    lesson = ModuleType("lesson")
    lesson.__file__ = str(path)
    # The notebook has no __future__ imports, so it must not inherit those of this file.
    exec(compile(tree, "<lesson>", "exec", dont_inherit=True), vars(lesson))
    return lesson


def _is_definition(node):
    if isinstance(node, ast.Assign):
        return all(isinstance(name, ast.Name) and name.id.isupper() for name in node.targets)
    return isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef)

"""The definitions of the notebook, lifted out of it, so that tests try what readers read."""

import ast
import json
from pathlib import Path
from types import ModuleType

NOTEBOOK = Path(__file__).parent.parent / "notebook.ipynb"


def read_cells(path=NOTEBOOK):
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def load_lesson(path=NOTEBOOK):
    """Execute imports, functions, classes and UPPER_CASE constants of the notebook, and nothing else."""
    source = "\n\n".join("".join(c["source"]) for c in read_cells(path) if c["cell_type"] == "code")
    tree = ast.parse(source)
    tree.body = [node for node in tree.body if _is_definition(node)]
    lesson = ModuleType("lesson")
    lesson.__file__ = str(path)
    exec(compile(tree, "<lesson>", "exec"), vars(lesson))
    return lesson


def _is_definition(node):
    if isinstance(node, ast.Assign):
        return all(isinstance(name, ast.Name) and name.id.isupper() for name in node.targets)
    return isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef)

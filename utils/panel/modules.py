"""JavaScript of several files, as the one module that a widget can ship."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parent / "page"
IMPORT = re.compile(r"^import [^;]*;\n", re.M)
EXPORT = re.compile(r"^export ((?:async )?(?:function|class|const) (\w+))", re.M)


def join_modules(*names, folder=PAGE):
    """Join modules of plain JavaScript into one.

    Parameters
    ----------
    names : str
        Without their ending; each imports only from those before it. What is not exported stays its own. The
        last one has the default export.
    folder : Path

    Returns
    -------
    str
    """
    *others, last = (IMPORT.sub("", (folder / f"{name}.js").read_text(encoding="utf-8")) for name in names)
    return "\n".join([*map(_enclose, others), last])


def _enclose(text):
    """Make a module an expression whose value is what it exports."""
    exported = ", ".join(name for _, name in EXPORT.findall(text))
    body = EXPORT.sub(r"\1", text)
    return f"const {{ {exported} }} = (() => {{\n{body}\nreturn {{ {exported} }};\n}})();"

"""The executed lesson as one HTML file that needs no network: pictures, sound and equations inside."""

from __future__ import annotations

import base64
import copy
from pathlib import Path

from ..path_utils import PROJECT_DIR, atomic_write

# Nothing in the page is a program; on a narrow screen, what is wide can be scrolled.
TEMPLATE = """
{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block html_head_css -%}
<style>
  main {max-width: 75em; margin: auto}
  .jp-RenderedHTMLCommon, .jp-InputArea-editor, .jp-OutputArea-output {overflow-x: auto}
  math {font-size: 1.1em}
  math[display=block] {margin: 1em 0}
</style>
{%- endblock -%}
"""
NORM = "&#x02016;"  # the double bar


def write_page(executed, path, folder=PROJECT_DIR):
    """Write an executed notebook as one HTML page that is whole without a network.

    Parameters
    ----------
    executed : nbformat.NotebookNode
    path : str or Path
    folder : str or Path
        The project's root, where the pictures of the prose lie.

    Returns
    -------
    Path
    """
    still = with_words(without_widgets(executed))
    still.metadata["title"] = "Bach accompaniment"
    page, _ = _exporter(folder).from_notebook_node(still)
    return atomic_write(path, lambda name: Path(name).write_text(page, encoding="utf-8"))


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


def with_words(executed):
    """Take the words that pictures carry in their metadata into the page; nbconvert leaves them there.

    Parameters
    ----------
    executed : nbformat.NotebookNode
        Changed in place.

    Returns
    -------
    nbformat.NotebookNode
    """
    from ..pictures.style import png_outputs  # here: `--help` needs no pictures

    for output in (output for cell in executed.cells for output in cell.get("outputs", [])):
        data, told = output.get("data", {}), output.get("metadata", {}).get("image/png", {})
        if "alt" in told and "image/png" in data and "text/html" not in data:
            png = base64.b64decode(data["image/png"])
            data.update(png_outputs(png, told["alt"], told.get("width"))[0])
    return executed


def equation(tex, display="inline"):
    """Turn TeX into MathML, which browsers draw and screen readers read by themselves.

    Parameters
    ----------
    tex : str
    display : {"inline", "block"}

    Returns
    -------
    str
    """
    from latex2mathml.converter import convert

    mathml = convert(tex.strip(), display=display)
    return mathml.replace(f"<mo>{NORM}", f'<mo stretchy="false">{NORM}')  # or it grows with its index alone


def _exporter(folder):
    """Make nbconvert's exporter, with equations as MathML and the pictures of the prose inside."""
    from nbconvert import HTMLExporter
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    class Renderer(IPythonRenderer):
        def block_math(self, body):
            return equation(body, "block")

        def inline_math(self, body):
            return equation(body)

        def block_html(self, html):
            return html  # as it is: a folded part opens in one block and closes in another

    def to_html(source):
        renderer = Renderer(escape=False, embed_images=True, path=str(folder))
        return MarkdownWithMath(renderer=renderer).render(source)

    exporter = HTMLExporter(raw_template=TEMPLATE)
    exporter.register_filter("markdown2html", to_html)
    return exporter

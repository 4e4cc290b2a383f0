"""The panel as a page of its own: ``make panel`` or ``bach-harmonize --panel``.

Voilà brings the widgets into the page and runs the kernel behind them. What a panel for one person on one
machine wants otherwise stands here: the kernel starts before the page is asked for, there is one of it, so
that nothing is lost when the page is loaded again, and nothing is fetched from elsewhere.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import tempfile
import threading
import webbrowser
from pathlib import Path

import nbformat
from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.auth.login import LoginFormHandler
from jupyter_server.base.handlers import JupyterHandler
from tornado.ioloop import IOLoop
from traitlets.config import Config
from voila.app import Voila
from voila.handler import VoilaHandler
from voila.notebook_renderer import NotebookRenderer
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler
from voila.static_file_handler import AllowListFileHandler
from voila.utils import get_page_config

HOST, PORT = "127.0.0.1", 8866
TEMPLATES = Path(__file__).parent / "page"
PACKAGE = __package__.partition(".")[0]  # it has another name when it is installed
SHOW = f"""\
import sys
sys.path.insert(0, {str(Path(__file__).resolve().parents[2])!r})
from {PACKAGE}.panel import panel, warm
shown = panel.panel()
warm.begin()
shown
"""
# Of all that extends JupyterLab on this machine the page loads what shows widgets.
EXTENSIONS = ["@jupyter-widgets/jupyterlab-manager", "@voila-dashboards/widgets-manager8", "anywidget"]
NO_TOKEN = "This page needs the whole address that was printed in the terminal, with its token."


def serve(port=None, open_browser=True):
    """Serve the panel on this machine until Ctrl-C.

    Parameters
    ----------
    port : int, optional
        By default 8866, or any free one if that is taken.
    open_browser : bool
        Whether to show the page, where there is a browser.

    Raises
    ------
    OSError
        If the port is taken.
    """
    token, port = secrets.token_urlsafe(24), _free_port(port)
    address = f"http://{HOST}:{port}/?token={token}"
    settings = Config()
    settings.Voila.update(
        ip=HOST, port=port, port_retries=0, token=token, open_browser=False, log_level=logging.ERROR
    )
    settings.Voila.tornado_settings = {"allow_remote_access": False}  # nobody may come under another name
    settings.VoilaConfiguration.update(show_tracebacks=True, extension_allowlist=EXTENSIONS)
    logging.getLogger("tornado").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(SHOW)])
        notebook.metadata.title = "Bach accompaniment"
        nbformat.write(notebook, Path(folder) / "panel.ipynb")
        server = PanelServer(config=settings, config_file_paths=[])
        server.initialize([f"{folder}/panel.ipynb"])
        IOLoop.current().add_callback(_announce, address, open_browser)  # once it listens
        server.start()
    print("\nThe panel is closed.")


def _announce(address, open_browser):
    print(f"The panel is at {address}\nCtrl-C ends it.", flush=True)
    if open_browser:
        threading.Thread(target=webbrowser.open, args=[address], daemon=True).start()  # it may wait


def _free_port(port):
    for wanted in [port] if port else [PORT, 0]:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, wanted))
            except OSError as error:
                taken = error
            else:
                return probe.getsockname()[1]
    raise OSError(f"port {port} is taken or not allowed ({taken.strerror}): name another, or none") from taken


class PanelServer(Voila):
    """Voilà with one kernel and one page, kept as long as the server runs."""

    _page = None

    def setup_template_dirs(self):
        """Put the page's own template first."""
        super().setup_template_dirs()
        self.template_paths.insert(0, str(TEMPLATES))

    def init_settings(self):
        """Take this Python's kernel, whatever others a machine may have."""
        settings = super().init_settings()
        self.kernel_spec_manager.kernel_dirs = []
        return settings

    def init_handlers(self):
        """Serve our page, no files, no form to log in, and keep the kernel when the page is left."""
        dropped = (VoilaHandler, VoilaShutdownKernelHandler, AllowListFileHandler, LoginFormHandler)
        handlers = [one for one in super().init_handlers() if not issubclass(one[1], dropped)]
        IOLoop.current().add_callback(self.page)  # ahead of the browser
        return [*handlers, (self.base_url, PanelPage)]

    async def page(self):
        """Give the page's HTML, which is made once."""
        self._page = self._page or asyncio.ensure_future(self._make_page())
        return await asyncio.shield(self._page)

    async def _make_page(self):
        options = {"base_url": self.base_url, "settings": self.app.settings, "log": self.log}
        options["voila_configuration"] = self.voila_configuration
        renderer = NotebookRenderer(
            notebook_path="panel.ipynb",
            template_paths=self.template_paths,
            traitlet_config=self.config,
            config_manager=self.config_manager,
            contents_manager=self.contents_manager,
            kernel_spec_manager=self.kernel_spec_manager,
            page_config=get_page_config(**options),
            **options,
        )
        await renderer.initialize()
        kernel = await self.kernel_manager.start_kernel(
            kernel_name="python3",
            cwd=str(Path.cwd()),
            extra_arguments=[f"--IPKernelApp.log_level={logging.ERROR}"],
        )
        return await renderer.generate_content_str(kernel, self.kernel_manager.get_kernel(kernel))


class PanelPage(JupyterHandler):
    """The page, for who has the token."""

    @allow_unauthenticated  # else it would lead to a form that asks for the token
    async def get(self):
        """Send the page."""
        if not self.current_user:
            self.set_status(403)
            return await self.finish(NO_TOKEN)
        self.set_header("Cache-Control", "no-store")
        return await self.finish(await self.settings["voila"].page())

"""A second bar below papermill's: how far the training in the present cell is."""

from __future__ import annotations

from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine
from tqdm import tqdm

from ..training.live_view import PROGRESS

SHOWN = ("display_data", "update_display_data")


class LessonClient(PapermillNotebookClient):
    """Executes a notebook and shows the progress that the live view tells in its figure's metadata."""

    training = None

    def process_message(self, message, *where):
        """Handle a message of the kernel; nbclient calls this."""
        if message["msg_type"] in SHOWN and self.nb_man.pbar is not None:
            self._show(message["content"]["metadata"].get(PROGRESS))
        return super().process_message(message, *where)

    def _show(self, progress):
        if not progress:
            return
        done, iterations = progress
        if self.training is None:
            self.training = tqdm(
                total=iterations, initial=done, desc="Training", unit="iteration", position=1, leave=False
            )
        self.training.update(done - self.training.n)

    def execute_cell(self, *cell, **options):
        """Execute a cell; its bar goes with it."""
        try:
            return super().execute_cell(*cell, **options)
        finally:
            if self.training is not None:
                self.training.close()
                self.training = None


class LessonEngine(Engine):
    """Papermill's engine with that bar."""

    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, start_timeout=60, **options):
        """Execute a notebook; papermill calls this."""
        options = {name: value for name, value in options.items() if name != "input_path"}
        options |= {"startup_timeout": start_timeout, "kernel_name": kernel_name}
        options["extra_arguments"] = ["--log-level=ERROR"]  # or it warns of the way all notebooks are run
        return LessonClient(nb_man, **options).execute()

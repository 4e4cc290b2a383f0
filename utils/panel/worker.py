"""Work that takes a while: one thing after the other, beside what the reader does."""

from __future__ import annotations

import contextvars
import threading

from .words import explain, said

BUSY = "bach-busy"  # a class of the panel while it works


class Worker:
    """Does one thing at a time, and says what goes on.

    Parameters
    ----------
    panel : DOMWidget
        Shows by its class that something is being worked on.
    status, aside : HTML
        Say what goes on, and that a second press is too early.
    after : callable
        Is called at the end of each work with whether it failed, and gives what is to be said beside it.
    """

    def __init__(self, panel, status, aside, after):
        self._panel, self._status, self._aside, self._after = panel, status, aside, after
        self._lock = threading.Lock()

    @property
    def busy(self):
        """Tell whether something is being worked on."""
        return self._lock.locked()

    def begin(self, doing, act):
        """Begin a work, if there is none; whatever goes wrong is said.

        Parameters
        ----------
        doing : str
            What is said meanwhile.
        act : callable
            Gives what is said at the end.
        """
        if not self._lock.acquire(blocking=False):
            self._aside.value = said("One thing after the other: this is still being worked on.")
            return
        self._panel.add_class(BUSY)
        self.tell(doing)
        # What another thread says belongs to the same cell.
        work = contextvars.copy_context()
        threading.Thread(target=work.run, args=(self._try, act), daemon=True).start()

    def tell(self, doing):
        """Say what is being done now."""
        self._status.value = said(f"{doing} …", '<progress aria-label="progress"></progress> ')

    def wait(self):
        """Wait until nothing is being worked on."""
        with self._lock:
            pass

    def _try(self, act):
        try:
            text = act()
            self._status.value = said(text + self._after(False))
        except Exception as error:  # nobody sees a traceback of a widget
            text, details = explain(error)
            self._status.value = said(text + self._after(True), kind="alert", details=details)
        finally:
            self._aside.value = ""
            self._panel.remove_class(BUSY)
            self._lock.release()

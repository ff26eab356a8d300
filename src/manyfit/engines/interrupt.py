"""Ctrl-C as a wish, not an accident: the first one ends training between two segments, the second one is an exception as ever."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

from manyfit.runs.ledger import Ledger


class Interrupt:
    """While its block runs, the first Ctrl-C only sets `is_set`; as a watcher it then ends the training, nothing lost.

    A second Ctrl-C raises KeyboardInterrupt. Blocks may be nested: the outermost listens, so a job that trains many
    populations learns of a Ctrl-C during any of them. Where somebody else handles the signal, or outside the main
    thread, Ctrl-C stays what it was.

    Example:
        >>> with Interrupt() as interrupt:
        ...     interrupt.is_set
        False
    """

    def __init__(self) -> None:
        self.is_set = False
        self._before: Any = None

    def __enter__(self) -> Interrupt:
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._before = signal.signal(signal.SIGINT, self._listen)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None

    def __call__(self, ledger: Ledger) -> bool:
        """Whether training shall end here."""
        return self.is_set

    def _listen(self, number: int, frame: FrameType | None) -> None:
        if self.is_set:
            raise KeyboardInterrupt
        self.is_set = True

"""What is to be played: opened, exchanged for something else, read again when its files change."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torchbend.realtime.file_watch import FileWatch
from torchbend.realtime.opening import Prepared
from torchbend.realtime.part import Chosen
from torchbend.realtime.request import prepare_asked

__all__ = ["Chain", "Repertoire"]

Chain = tuple[Prepared, ...]


class Repertoire:
    """The chain of models that plays, as somebody asked for it.

    What has to be written to be played lies in a folder of its own, until `close`.

    Args:
        asked: ``models`` and the other arguments of `prepare_chain`.
        chosen: how they are to be played.
        say: told what people should know.

    Attributes:
        chain: the models.
        chosen: how they are played, with what plays after what.

    Raises:
        TorchbendError: they cannot be played.
    """

    def __init__(self, asked: dict[str, Any], chosen: Chosen, say: Callable[[str], object]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="torchbend-", ignore_cleanup_errors=True)
        self._say = say
        self._files = FileWatch()
        self._asked = asked
        self.chosen = chosen
        read = time.time()
        try:
            self.chain, self.chosen = self._prepared(asked)
        except BaseException:
            self.close()
            raise
        self._watch(read)

    def exchange(self, asked: dict[str, Any], bring_in: Callable[[Chain, Chosen], object]) -> None:
        """Put other models in place of these.

        Args:
            asked: as for the first.
            bring_in: lets them play, or raises why not; then these stay.
        """
        read = time.time()
        chain: Chain = ()
        try:
            chain, chosen = self._prepared(asked)
            bring_in(chain, chosen)
        except BaseException:
            self._forget(chain, self.chain)
            raise
        self._forget(self.chain, chain)
        self._asked, self.chain, self.chosen = asked, chain, chosen
        self._watch(read)

    def read_again(self, bring_in: Callable[[Chain, Chosen], object]) -> None:
        """The same with what was asked for last."""
        self.exchange(self._asked, bring_in)

    def has_changed(self) -> bool:
        """Whether a file of it changed since it was read; told once of each change."""
        return self._files.has_changed()

    def close(self) -> None:
        """Remove what was written."""
        self._folder.cleanup()

    def _prepared(self, asked: dict[str, Any]) -> tuple[Chain, Chosen]:
        return prepare_asked(asked, self.chosen, folder=self._folder.name, say=self._say)

    def _watch(self, read: float) -> None:
        self._files.remember((path for model in self.chain for path in model.watch), read)

    def _forget(self, gone: Chain, playing: Chain) -> None:
        """Remove what was written to play models that are gone, or did not come."""
        for path in {model.path for model in gone} - {model.path for model in playing}:
            if path.parent == Path(self._folder.name):
                path.unlink(missing_ok=True)

"""``BendedModule``: a module that can be looked into and bent.

It is made of parts, a file each: what all stand on (:mod:`.core`), looking
(:mod:`.inspection`), bending (:mod:`.bending`), versions and configurations
(:mod:`.variants`). Behind them are a trace (:mod:`.record`), the book of bends
(:mod:`.bends`), the weights (:mod:`.weights`) and what runs (:mod:`.runner`).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import torch

from ..hints import ExportHints
from .bending import BendHandle
from .inspection import Inspection
from .variants import Variants

if TYPE_CHECKING:
    from ..export import Export

__all__ = ["BendHandle", "BendedModule"]


class BendedModule(Inspection, Variants):
    """A module whose weights and activations can be bent.

    The module itself is never changed: calls run its shadow, which shares every unbent
    weight with it and has a streaming state of its own. Attributes and methods of the
    module are reachable on this object; called here, they run bent.

    Args:
        module: any ``torch.nn.Module``.

    Raises:
        BendingError: ``module`` is something else.
    """

    def __new__(cls, module: Any, *args: Any, **kwargs: Any) -> Any:
        """Make a bent module; of a TorchScript module, a ``BendedScript``."""
        if cls is BendedModule and isinstance(module, torch.jit.ScriptModule):
            from ..scripts import BendedScript

            return super().__new__(BendedScript)
        return super().__new__(cls)

    def script(self) -> torch.jit.ScriptModule:
        """A ``ScriptModule`` of every traced method, bends and controls included.

        It has ``set_<name>(value) -> int`` (0 done, -1 refused) and ``get_<name>()`` for
        every BendingParameter, and is independent of this object. It starts with the
        streaming state that this object has now, and with every decision on a value
        (``graph(fn).flow_steps``) as it was taken when the method was traced.

        Raises:
            ScriptError: something in it cannot be scripted; the message names it.
        """
        from .script import script

        return script(self._runner, self._book)

    def export_hints(self) -> ExportHints:
        """What the model knows of itself that an exported file should say; for subclasses."""
        return ExportHints()

    def export(self, path: str | os.PathLike[str], **options: Any) -> Export:
        """Write a file for nn~ (Max, Pd) and NN.ar: every control is an attribute of it.

        Args:
            path: of the file, which ends in ``.ts``.
            **options: those of :func:`torchbend.export.export`.

        Raises:
            ExportError: nn~ could not play it, or it does not pass its checks.
            ScriptError: something cannot become TorchScript; names it.
        """
        from ..export import export

        return export(self, path, **options)

    def bent_bytes(self) -> int:
        """Bytes that bends, versions and interpolation own beyond the original's."""
        return self._bank.owned_bytes()

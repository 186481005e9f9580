"""One opened file in a worker: its methods, its attributes, its streaming state."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from torchbend.archive import open_script
from torchbend.contents import ask, read_info
from torchbend.description import AttributeInfo, FileInfo, MethodInfo
from torchbend.errors import LiveError, script_line, suggest
from torchbend.realtime.worker.glides import Glides
from torchbend.realtime.worker.layout import Value
from torchbend.streaming import StreamingState

__all__ = ["Net"]


class Net:
    """A file that is open to be played.

    Args:
        path: of the ``.ts`` file.
        device: where it plays.

    Attributes:
        info: what is in it.
        is_ours: whether torchbend wrote it.
        state: its streaming state.
        glides: where its knobs stood in the block before.

    Raises:
        TorchbendError: it cannot be opened.
    """

    def __init__(self, path: str | Path, device: str | torch.device = "cpu") -> None:
        self.device = torch.device(device)
        self.module = open_script(path, self.device).eval()
        told = read_info(path)
        self.is_ours = told is not None
        self.info: FileInfo = told or ask(self.module, Path(path).stem).info
        # What the file of somebody else answers does not tell its state: playing shows it.
        self.state = StreamingState(self.module, told)
        self.glides = Glides(self.module)

    def method(self, name: str) -> MethodInfo:
        """The description of a method.

        Raises:
            LiveError: there is none of that name.
        """
        for method in self.info.methods:
            if method.name == name:
                return method
        names = [method.name for method in self.info.methods]
        raise LiveError(f"{self.info.model} has no method {name!r}. {suggest(name, names)}")

    def play(self, method: str, x: Tensor) -> Tensor:
        """Play one block, ``(batch, in_channels, in_frames)``.

        What comes out may be written over by the next call.
        """
        out: Tensor = getattr(self.module, method)(x)
        return out

    def set(self, attribute: AttributeInfo, values: Sequence[Value]) -> str:
        """Set an attribute, between two blocks.

        Args:
            attribute: which.
            values: one for each of its defaults.

        Returns:
            Why it did not take them; empty if it did.
        """
        given: Sequence[Any] = values
        if attribute.types in (("tensor",), ("buffer",)):
            given = [torch.tensor([float(value) for value in values])]
        try:
            if attribute.types == ("buffer",):
                # nn~ names the buffers of an attribute by the place of the argument.
                buffer = given[0].reshape(1, -1)
                rate = self.info.sample_rate or 44100
                answer = self.module.set_buffer_attribute(f"{attribute.name}#0", buffer, rate)
            else:
                answer = getattr(self.module, f"set_{attribute.name}")(*given)
        # Whatever somebody's setter raises, the sound goes on.
        except Exception as error:  # noqa: BLE001
            return f"{attribute.name} refuses {list(values)}: {script_line(error)}"
        return f"{attribute.name} refuses {list(values)} with {answer}" if answer else ""

"""A file under check: opened, played block by block as nn~ plays it, set as nn~ sets it.

Blocks run under ``torch.inference_mode``, setters and getters outside of it, as in nn~. The
streaming state can be put back to where it was after loading, so that two runs compare.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from torchbend.contents import as_list
from torchbend.description import AttributeInfo, FileInfo, MethodInfo
from torchbend.streaming import StreamingState

__all__ = ["Subject", "noise"]

SEED = 7


class Subject:
    """An opened file.

    Attributes:
        module: the file, opened.
        info: what it plays.
        ours: whether torchbend made it, so that ``info`` says all there is to know.
    """

    def __init__(self, module: torch.jit.ScriptModule, info: FileInfo, ours: bool) -> None:
        self.module = module.eval()
        self.info = info
        self.ours = ours
        self.ratio = max(
            (ratio for m in info.methods for ratio in (m.in_ratio, m.out_ratio)), default=1
        )
        self._state = StreamingState(self.module, info if ours else None)
        self._start = self._state.save()

    def least_block(self, method: MethodInfo) -> int:
        """Frames of sound in the least block."""
        return method.least_block or self.ratio

    def blocks(self, method: MethodInfo, largest: int) -> list[int]:
        """The block sizes to check, in frames of sound: the least one, doubled again and again."""
        sizes = [self.least_block(method)]
        while sizes[-1] * 2 <= largest:
            sizes.append(sizes[-1] * 2)
        return sizes

    def find_state(self, *, after: Sequence[MethodInfo]) -> None:
        """Find out what of an unknown file is streaming state: what playing changes.

        Args:
            after: the methods to play; those that raise are left to the checks.
        """

        def play() -> None:
            for method in after:
                block = self.least_block(method)
                with contextlib.suppress(Exception):
                    self.play(method, noise(method, 1, block), block)

        self._state.find(play)

    def restore(self) -> None:
        """Put the streaming state back to where it was after loading."""
        self._state.restore(self._start)

    def play(self, method: MethodInfo, x: torch.Tensor, block: int) -> torch.Tensor:
        """Play an input block by block.

        Args:
            method: which.
            x: ``(batch, in_channels, in_frames)``.
            block: frames of sound in a block.

        Returns:
            What came out, the blocks one after the other.
        """
        function = getattr(self.module, method.name)
        frames = max(1, block // method.in_ratio)
        with torch.inference_mode():
            # nn~ keeps nothing of an output: the next block may be written over it.
            outs = [function(part.clone()).clone() for part in torch.split(x, frames, -1)]
        # A clone made here is no inference tensor, whatever it is a clone of.
        return torch.cat(outs, -1).clone()

    def play_again(
        self, method: MethodInfo, x: torch.Tensor, block: int, seed: int = SEED
    ) -> torch.Tensor:
        """Play from the state after loading, with a seed."""
        self.restore()
        torch.default_generator.manual_seed(seed)
        return self.play(method, x, block)

    def settle(self, method: MethodInfo, x: torch.Tensor, block: int) -> None:
        """Play the first block of an input, in which a setting glides to its new value."""
        self.restore()
        self.play(method, x[..., : max(1, block // method.in_ratio)], block)

    def get(self, attribute: AttributeInfo) -> tuple[Any, ...]:
        """Read an attribute; tensors are copied."""
        values = as_list(getattr(self.module, f"get_{attribute.name}")())
        return tuple(v.clone() if isinstance(v, torch.Tensor) else v for v in values)

    def set(self, attribute: AttributeInfo, values: Sequence[Any]) -> int:
        """Set an attribute as nn~ does.

        Args:
            attribute: which.
            values: one for each of its types; of a tensor or buffer, its elements.
        """
        result: int
        if attribute.types == ("buffer",):
            given = _tensor(values).reshape(1, -1)
            # nn~ names the buffers of an attribute by the place of the argument.
            result = self.module.set_buffer_attribute(f"{attribute.name}#0", given, 44100)
            return result
        setter = getattr(self.module, f"set_{attribute.name}")
        if attribute.types == ("tensor",):
            result = setter(_tensor(values))
        else:
            given_types = {"int": int, "float": float, "str": str, "bool": bool}
            result = setter(
                *(
                    given_types[kind](value) if kind in given_types else value
                    for kind, value in zip(attribute.types, values, strict=True)
                )
            )
        return result

    def set_all(self, settings: Mapping[str, Sequence[Any]]) -> None:
        """Set several attributes by name.

        Raises:
            ValueError: if there is none of that name, or one refuses.
        """
        known = {attribute.name: attribute for attribute in self.info.attributes}
        for name, values in settings.items():
            if name not in known:
                raise ValueError(f"the file has no attribute {name!r}")
            result = self.set(known[name], values)
            if result != 0:
                raise ValueError(f"{name} refuses {list(values)} with {result}")


def noise(method: MethodInfo, batch: int, frames: int, seed: int = SEED) -> torch.Tensor:
    """Noise for a method, ``(batch, in_channels, in_frames)``.

    Args:
        method: decides channels and ratio.
        batch: how many signals.
        frames: of sound.
        seed: of the noise.
    """
    generator = torch.Generator().manual_seed(seed)
    shape = (batch, method.in_channels, max(1, frames // method.in_ratio))
    return torch.randn(shape, generator=generator) * 0.3


def _tensor(values: Sequence[Any]) -> torch.Tensor:
    if len(values) == 1 and isinstance(values[0], torch.Tensor):
        return values[0].clone()
    return torch.tensor([float(v) for v in values])

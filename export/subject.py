"""A file under check: opened, played block by block as nn~ plays it, set as nn~ sets it.

Blocks run under ``torch.inference_mode``, setters and getters outside of it, as in nn~. The
streaming state can be put back to where it was after loading, so that two runs compare.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from torchbend.contents import as_list
from torchbend.description import AttributeInfo, FileInfo, MethodInfo

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
        slots = [slot for sub in _submodules(self.module) for slot in _slots(sub)]
        if ours and info.state is not None:
            buffers = dict(self.module.named_buffers())
            start = {_id(buffers[n]) for n in info.state if n in buffers}
            slots = [slot for slot in slots if _id(slot.value) in start]
        # Of others' files any value may be state until playing shows which are.
        self._state = {slot: _copied(slot.value) for slot in slots}

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
        if self.ours and self.info.state is not None:
            return
        for method in after:
            for _ in range(2):
                try:
                    block = self.least_block(method)
                    self.play(method, noise(method, 1, block), block)
                except Exception:  # noqa: BLE001 - the check of the method will tell
                    break
        self._state = {
            slot: value for slot, value in self._state.items() if not _same(slot.value, value)
        }

    def restore(self) -> None:
        """Put the streaming state back to where it was after loading."""
        for slot, value in self._state.items():
            slot.restore(value)

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


class _Slot:
    """One attribute of one submodule: a buffer, or a plain value."""

    def __init__(self, owner: Any, name: str) -> None:
        self._owner = owner
        self._name = name

    @property
    def value(self) -> Any:
        return self._owner.getattr(self._name)

    def restore(self, value: Any) -> None:
        now = self.value
        if (
            isinstance(now, torch.Tensor)
            and isinstance(value, torch.Tensor)
            and now.shape == value.shape
            and now.dtype == value.dtype
        ):
            # Buffers that a block replaced are inference tensors.
            with torch.inference_mode():
                now.copy_(value)
        elif not _same(now, value):
            self._owner.setattr(self._name, _copied(value))


def _submodules(module: torch.jit.ScriptModule) -> Iterator[Any]:
    for sub in module.modules():
        yield sub._c


def _slots(owner: Any) -> Iterator[_Slot]:
    """Everything that a submodule holds, other than submodules and parameters."""
    native: Any = torch._C
    parameters = {name for name, _ in native.ParameterDict(owner).items()}
    names = native.ConcreteModuleType.from_jit_type(owner._type()).get_attributes()
    for name, (kind, _) in names.items():
        if name not in parameters and kind.kind() not in ("ClassType", "InterfaceType"):
            yield _Slot(owner, name)


def _id(value: Any) -> tuple[int, int] | None:
    if not isinstance(value, torch.Tensor) or value.numel() == 0:
        return None
    return (value.data_ptr(), value.numel())


def _copied(value: Any) -> Any:
    return value.detach().clone() if isinstance(value, torch.Tensor) else copy.deepcopy(value)


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        return a.shape == b.shape and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[k], b[k]) for k in a)
    if isinstance(a, torch.Tensor) or isinstance(b, torch.Tensor):
        return False
    return bool(a == b)

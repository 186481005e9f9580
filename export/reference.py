"""What an exported file must sound like: inputs, settings and the expected outputs.

The exporter renders them from the live model and writes them to one safetensors file, whose
metadata ``plan`` is JSON; the check of the exported file, in its own process, reads and
replays them. Nothing of it is pickled.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from torchbend.errors import TorchbendError, first_line

__all__ = ["Case", "ReferenceFileError", "read_reference", "write_reference"]

PLAN = "plan"


class ReferenceFileError(TorchbendError):
    """A reference that cannot be read."""


@dataclass(frozen=True, eq=False)
class Case:
    """One run of a method, block by block, and what must come out.

    It is replayed so: the streaming state as it was after loading; the settings; one
    settling block (the first of the input); that state again; the seed; then the input
    block by block.

    Attributes:
        method: which to run.
        batch: how many signals at once; the first dimension of input and output.
        block: frames of sound in a block; the input has ``block // in_ratio`` frames a block.
        seed: given to ``torch.manual_seed`` before the first block.
        settings: for an attribute, the values that its setter takes, in order.
        input: ``(batch, in_channels, in_frames)``, whole blocks.
        output: ``(batch, out_channels, out_frames)``, the blocks one after the other.
        tolerance: greatest difference relative to the peak of ``output``; 0: bit-identical.
    """

    method: str
    batch: int
    block: int
    seed: int
    input: torch.Tensor
    output: torch.Tensor
    settings: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    tolerance: float = 0.0


def write_reference(path: str | Path, cases: Sequence[Case]) -> None:
    """Write cases to one file; an input that several cases share is stored once.

    Args:
        path: of the file, which ends in ``.safetensors`` by custom.
        cases: in the order in which to replay them. Settings hold numbers, strings and
            tensors (an attribute of type tensor or buffer).
    """
    tensors: dict[str, torch.Tensor] = {}
    stored: dict[int, str] = {}

    def keep(tensor: torch.Tensor, name: str) -> str:
        if id(tensor) not in stored:
            stored[id(tensor)] = name
            # A copy of its own: safetensors refuses two names for one storage.
            tensors[name] = tensor.detach().to("cpu", copy=True).contiguous()
        return stored[id(tensor)]

    plan = []
    for number, case in enumerate(cases):
        settings = {
            name: [
                {"tensor": keep(value, f"{number}.{name}.{i}")}
                if isinstance(value, torch.Tensor)
                else value
                for i, value in enumerate(values)
            ]
            for name, values in case.settings.items()
        }
        plan.append(
            {
                "method": case.method,
                "batch": case.batch,
                "block": case.block,
                "seed": case.seed,
                "settings": settings,
                "input": keep(case.input, f"{number}.input"),
                "output": keep(case.output, f"{number}.output"),
                "tolerance": case.tolerance,
            }
        )
    save_file(tensors, str(path), metadata={PLAN: json.dumps(plan)})


def read_reference(path: str | Path) -> list[Case]:
    """Read what `write_reference` wrote.

    Args:
        path: of the file.

    Raises:
        ReferenceFileError: if it is missing, cut short, or no reference.
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            plan = json.loads((file.metadata() or {})[PLAN])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        return [_case(entry, tensors) for entry in plan]
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ReferenceFileError(
            f"{path} is no reference that torchbend wrote: {first_line(error)}"
        ) from error


def _case(entry: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> Case:
    settings = {
        name: tuple(tensors[v["tensor"]] if isinstance(v, dict) else v for v in values)
        for name, values in entry["settings"].items()
    }
    return Case(
        method=str(entry["method"]),
        batch=int(entry["batch"]),
        block=int(entry["block"]),
        seed=int(entry["seed"]),
        settings=settings,
        input=tensors[entry["input"]],
        output=tensors[entry["output"]],
        tolerance=float(entry["tolerance"]),
    )

"""What operations cost: each kernel against the line one would write by hand, side by side.

On an activation such as a RAVE has, ``(1, 64, 2048)``, and a weight, ``(64, 64, 7)``. The line is
the operation's ``by_hand``, or its ``plain``. All ratios are to it, and each pair is timed in turn:

    kernel    in Python
    script    the same scripted, as in an exported file
    amount 1  in a Bend that is fully heard
    amount ½  in a Bend half heard, against the line in a cross-fade by hand
    amount 0  in a Bend that is not heard: what it costs while it waits

Calling a module takes a microsecond or two, and a Bend some five: much beside a line of three, and
nothing beside a layer. What remembers the sound costs as much at amount 0, since it goes on.

    python benchmarks/operations.py
    python benchmarks/operations.py Fold Erode --seconds 1
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial

import torch
from measure import ratio
from torch import Tensor

from torchbend.bending import Bend
from torchbend.bending.operation import Operation
from torchbend.bending.registry import operations
from torchbend.places import Place

PLACES = {
    "activation": Place(
        "conv", "activation", (1, 64, 2048), torch.float32, fn="decode", op="call_module"
    ),
    "weight": Place("conv.weight", "weight", (64, 64, 7), torch.float32, op="parameter"),
}
HEADS = ("line, us", "kernel", "script", "amount 1", "amount ½", "amount 0")
LEAST = 15  # pairs, of a slow line
TELLING, TELLING_US = 1.5, 20.0  # a ratio above it is marked, where it is as many microseconds more

Line = Callable[[Tensor], Tensor]


def by_hand(operation: Operation, place: Place, settings: dict[str, object]) -> Line:
    """The line for a place."""
    if operation.by_hand is not None:
        return operation.by_hand(place, **settings)
    return partial(operation.plain, place=place, **settings)


def measured(operation: Operation, place: Place, seconds: float) -> list[float]:
    """The line's time in microseconds, then all ratios to it."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(place.shape or (), generator=generator)
    settings = operation.settings(place, operation.examples[0])
    callback = operation.callback(**settings)
    line = by_hand(operation, place, settings)
    value = x if place.kind == "weight" else None

    def bend(amount: float) -> torch.nn.Module:
        return Bend(callback, amount=amount).kernel(place, value)

    def faded(x: Tensor) -> Tensor:
        return torch.lerp(x, line(x), 0.5)

    kernel = callback.kernel(place, value)
    script = torch.jit.script(callback.kernel(place, value))
    pairs: list[tuple[Line, Line]] = [
        (kernel, line),
        (script, line),
        (bend(1.0), line),
        (bend(0.5), faded),
        (bend(0.0), line),
    ]
    found, base = [], 0.0
    for ours, theirs in pairs:
        value_found, base_ms = ratio(partial(ours, x), partial(theirs, x), seconds, LEAST)
        found.append(value_found)
        base = base or base_ms * 1e3
    return [base, *found]


def show(operation: str, place: str, cells: Sequence[str]) -> None:
    """Print one row."""
    print(f"{operation:20} {place:10}", *(f"{cell:>9}" for cell in cells), flush=True)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="OPERATION", help="by default all")
    parser.add_argument("--seconds", type=float, default=0.2, help="per comparison")
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    options = parser.parse_args()
    unknown = set(options.names) - set(operations())
    if unknown:
        parser.error(f"no operation {sorted(unknown)}; there are {', '.join(operations())}")
    torch.set_num_threads(options.threads)
    show("", "", HEADS)
    for operation in operations().values():
        for kind in operation.places:
            if options.names and operation.name not in options.names:
                continue
            line_us, *ratios = measured(operation, PLACES[kind], options.seconds)
            over = max(TELLING, 1 + TELLING_US / line_us)
            marked = [f"{r:.2f}{'!' if r > over else ' '}" for r in ratios]
            show(operation.name, kind, [f"{line_us:.0f}", *marked])
    print(f"! above {TELLING}, and more than {TELLING_US:.0f} us above the line")


if __name__ == "__main__":
    main()

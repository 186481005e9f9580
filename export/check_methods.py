"""Checks of the methods: every block size and batch, the same sound twice."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import torch

from torchbend.description import MethodInfo
from torchbend.errors import script_line
from torchbend.export.report import FAIL, NOTE, OK, Row
from torchbend.export.sound import difference, is_finite, peak, same
from torchbend.export.subject import Subject, noise

__all__ = ["check_methods"]

LARGEST_BLOCK = 8192
BATCHES = (1, 4)
LARGEST_BATCH = 64


def check_methods(subject: Subject, odd: Collection[str] = ()) -> Iterator[Row]:
    """Play each method at every block size and batch.

    The block sizes are the least one, doubled up to 8192 frames of sound; two blocks each,
    so that what one leaves behind is met by the next. Batch 64 is played at the least block.

    Args:
        subject: its streaming state is left as it was after loading.
        odd: methods that give NaN or infinities in the model without bends, too.
    """
    for method in subject.info.methods:
        yield from _check(subject, method, method.name in odd)
    subject.restore()
    yield _state(subject)


def _check(subject: Subject, method: MethodInfo, odd: bool) -> Iterator[Row]:
    blocks = subject.blocks(method, LARGEST_BLOCK)
    runs = [(batch, block) for batch in BATCHES for block in blocks]
    runs.append((LARGEST_BATCH, blocks[0]))
    wrong = differs = ""
    for batch, block in runs:
        x = noise(method, batch, 2 * block)
        where = f"batch {batch}, blocks of {block}"
        try:
            y = subject.play_again(method, x, block)
            wrong = _amiss(method, x, y, odd)
            if not wrong and not differs and batch in BATCHES:
                again = subject.play_again(method, x, block)
                if not same(again, y):
                    off = difference(again, y)
                    differs = f"{where}: off by {off:.3g} at a peak of {peak(y):.3g}"
        except Exception as error:  # noqa: BLE001 - a file may raise anything
            wrong = f"raises: {script_line(error)}"
        if wrong:
            wrong = f"{where}: {wrong}"
            break
    sizes = f"blocks of {blocks[0]} to {blocks[-1]}, batches {BATCHES[0]} to {LARGEST_BATCH}"
    yield Row(f"{method.name}: plays", FAIL if wrong else OK, wrong or sizes)
    if odd:
        said = "gives values that are no finite numbers, and so does the model without bends"
        yield Row(f"{method.name}: numbers", NOTE, said)
    if not wrong:
        yield Row(
            f"{method.name}: repeats itself",
            FAIL if differs else OK,
            differs or "with the same seed and state, to the bit",
        )


def _amiss(method: MethodInfo, x: torch.Tensor, y: torch.Tensor, odd: bool) -> str:
    """What is wrong with an output, if anything."""
    frames = x.shape[-1] * method.in_ratio // method.out_ratio
    wanted = (x.shape[0], method.out_channels, frames)
    if tuple(y.shape) != wanted:
        return f"gives {tuple(y.shape)} where its params promise {wanted}"
    if y.dtype != torch.float32:
        return f"gives {y.dtype}, not float32"
    if not odd and not is_finite(y):
        return "gives values that are no finite numbers"
    return ""


def _state(subject: Subject) -> Row:
    """Whether blocks left inference tensors behind, in which no setter can write."""
    made = [n for n, b in subject.module.named_buffers() if b.is_inference()]
    if not made:
        return Row("state", OK, "buffers are written in place")
    return Row(
        "state",
        FAIL if subject.ours and subject.info.state is not None else NOTE,
        f"{', '.join(made[:3])}{' and more' if len(made) > 3 else ''}: replaced while playing; "
        "a setter that writes in them raises",
    )

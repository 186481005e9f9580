"""How torch is set up wherever a model plays, so that a rendering has the bits of what was live."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["live_torch", "set_up_torch"]


def set_up_torch() -> bool:
    """Set up torch, in the thread that plays.

    Returns:
        Whether files were compiled for what they are given before, which they are not any more.
    """
    # A second thread on a busy machine costs more than it gives.
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    # Plain execution: nothing is compiled anew in the middle of a set.
    return bool(torch._C._jit_set_profiling_mode(False))


@contextmanager
def live_torch() -> Iterator[None]:
    """Torch as it is set up where models play; afterwards it is as it was, random numbers too."""
    threads = torch.get_num_threads()
    flushed = _flushes_denormals()
    with torch.random.fork_rng(devices=[]):
        profiling = set_up_torch()
        try:
            yield
        finally:
            torch._C._jit_set_profiling_mode(profiling)
            torch.set_flush_denormal(flushed)
            torch.set_num_threads(threads)


def _flushes_denormals() -> bool:
    """Whether numbers too small to be normal count as zero in this thread; torch cannot tell."""
    return bool(torch.tensor(1e-40) * torch.tensor(1.0) == 0)

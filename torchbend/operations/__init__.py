"""Operations: one file each, with its callback, its kernel, and its record for manual and tests.

To add one, write such a file: a ``BendingCallback`` whose ``kernel`` makes what runs at a place,
and an ``OPERATION`` with its formula in plain torch. ``make operations`` then writes the manual's
table and pictures, and :mod:`torchbend.operations.names`, through which ``tb`` has it. The tests
over all operations find it by themselves.
"""

from .names import *  # noqa: F403
from .names import __all__ as __all__

"""Tracing and bending: from a module to a bent module."""

from .inputs import Inputs
from .module import BendedModule, BendHandle
from .record import Trace, TracedGraph
from .tracer import BendingTracer
from .wrapper import BendedWrapper

__all__ = [
    "BendHandle",
    "BendedModule",
    "BendedWrapper",
    "BendingTracer",
    "Inputs",
    "Trace",
    "TracedGraph",
]

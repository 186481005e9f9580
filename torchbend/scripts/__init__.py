"""TorchScript: bending modules and files that came without their source.

A TorchScript module cannot be traced as Python can. Its own graphs are operated on instead
(:mod:`.surgery`): what is in them is found by :mod:`.survey`, bends run in them as :mod:`.taps`
while it plays here, and as compiled kernels in what is exported.
"""

from .module import BendedScript, load

__all__ = ["BendedScript", "load"]

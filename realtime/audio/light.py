"""Starting Python without torch, for processes that must be up in a moment.

``import torchbend.realtime.audio`` runs ``torchbend/__init__.py``, which imports torch: seconds,
and hundreds of megabytes. So the child first puts bare packages of those names in place, with the
right folders and nothing run; what is imported from them afterwards is found as ever.
"""

from __future__ import annotations

import sys

import torchbend
from torchbend import realtime

__all__ = ["light_command"]

_BOOT = """
import sys, types
if sys.path[0] == "":
    del sys.path[0]
for name, folders in zip(("torchbend", "torchbend.realtime"), {folders!r}):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = folders
"""


def light_command(code: str, *arguments: str) -> list[str]:
    """The command line that runs a piece of Python, where torchbend's own ``__init__`` is not.

    Args:
        code: what to run; it may import modules of torchbend that do not need torch.
        arguments: what it finds in ``sys.argv``.
    """
    folders = [list(torchbend.__path__), list(realtime.__path__)]
    return [sys.executable, "-c", _BOOT.format(folders=folders) + code, *arguments]

"""Installs the packages of a model family beside the torch that is already there.

Some of these packages pin releases that no longer install, or would exchange torch for
another build. Their needs are written down anew in ``requirements/<family>.txt``, and the
packages themselves are installed without their own lists (``<family>-nodeps.txt``).
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shlex
import subprocess
import sys
from importlib.resources import files

from torchbend.errors import TorchbendError

__all__ = ["install", "pip_commands", "shell_lines"]

# Each release of torchaudio up to this one fits the torch of the same number; this one, the
# last that torch's own calendar set, is used with every later torch.
_LAST_PAIRED_TORCHAUDIO = 11

# What must run once a family is installed.
_CHECKS = {
    "musicgen": (
        "from torchbend.interfaces._audiocraft_import import import_audiocraft; import_audiocraft()"
    ),
    "rave": "from torchbend.interfaces._rave_import import import_rave; import_rave()",
}


def install(family: str) -> None:
    """Install a model family with pip, into the Python that runs.

    Args:
        family: the family's name, ``"rave"`` or ``"musicgen"``.

    Raises:
        TorchbendError: if this Python has no pip, or pip fails.
    """
    if importlib.util.find_spec("pip") is None:
        lines = "\n  ".join(shell_lines(family))
        raise TorchbendError(f"{sys.executable} has no pip. The lines to run are:\n  {lines}")
    for arguments in pip_commands(family):
        command = [sys.executable, "-m", "pip", "install", "--quiet", *arguments]
        if subprocess.run(command).returncode != 0:
            raise TorchbendError(f"This failed, and pip says above why:\n  {shlex.join(command)}")
    # In a process of its own: this one may have imported an older numpy already.
    if subprocess.run([sys.executable, "-c", _CHECKS[family]]).returncode != 0:
        raise TorchbendError(f"{family} was installed and does not import; Python says above why.")


def shell_lines(family: str) -> list[str]:
    """The pip commands of :func:`install`, as a person would type them."""
    return [shlex.join(["pip", "install", *arguments]) for arguments in pip_commands(family)]


def pip_commands(family: str) -> list[list[str]]:
    """What ``pip install`` is given by :func:`install`, one list of arguments a call."""
    torchaudio = _torchaudio_requirement(importlib.metadata.version("torch"))
    nodeps = [
        torchaudio if requirement.startswith("torchaudio") else requirement
        for requirement in _requirements(f"{family}-nodeps.txt")
    ]
    return [_requirements(f"{family}.txt"), ["--no-deps", *nodeps]]


def _requirements(name: str) -> list[str]:
    text = files("torchbend.interfaces").joinpath("requirements", name).read_text("utf-8")
    lines = (line.split("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def _torchaudio_requirement(torch_version: str) -> str:
    minor = int(torch_version.split(".")[1])
    return f"torchaudio==2.{min(minor, _LAST_PAIRED_TORCHAUDIO)}.*"

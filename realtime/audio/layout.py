"""What the shared memory of the live host looks like, and whether the C callback is there.

The layout is described once, in ``native/layout.h``. The compiled module carries it; without a
compiler cffi reads the header itself, so both see the same offsets.
"""

from __future__ import annotations

import functools
import importlib
import re
from pathlib import Path
from typing import Any

__all__ = ["constant", "declarations", "ffi", "native"]

_FOLDER = Path(__file__).resolve().parent / "native"
_INTEGERS = "typedef uint64_t tb_counter;\ntypedef uint32_t tb_word;\n"


def declarations(*, functions: bool = False) -> str:
    """The C declarations as cffi reads them: the structs, and the functions if asked for."""
    names = ["layout.h", "strip.h"] if functions else ["layout.h"]
    return _INTEGERS + "".join((_FOLDER / name).read_text() for name in names)


@functools.cache
def native() -> Any:
    """The compiled functions (``tb_callback`` and its kind), or None where they were not built."""
    compiled = _compiled()
    return compiled and compiled.lib


@functools.cache
def ffi() -> Any:
    """The cffi object that knows the structs."""
    compiled = _compiled()
    return compiled.ffi if compiled else _parsed()


@functools.cache
def constant(name: str) -> int:
    """A number that ``layout.h`` defines: ``constant("SLOTS")`` is ``TB_SLOTS``."""
    found = re.search(rf"^#define TB_{name} (\d+)", declarations(), re.MULTILINE)
    if found is None:
        raise KeyError(name)
    return int(found[1])


@functools.cache
def _compiled() -> Any:
    try:
        return importlib.import_module(f"{__package__}._native")
    except ImportError:
        return None


def _parsed() -> Any:
    import cffi

    parsed = cffi.FFI()
    parsed.cdef(declarations())
    return parsed

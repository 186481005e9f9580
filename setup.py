"""The one part of the package that is compiled: the audio callback of the live host.

Everything else about the package is in pyproject.toml. Without a compiler, or without cffi, the
package installs all the same, and the live host runs the callback in Python.
"""

from __future__ import annotations

import runpy
from pathlib import Path

from setuptools import Extension, setup

FLAGS = ["-std=c11", "-O2", "-Wall", "-Wextra"]


def extensions() -> list[Extension]:
    """The callback, on Python's stable interface: one build serves every Python from 3.10."""
    try:
        import cffi
    except ImportError:
        return []
    ffi = cffi.FFI()
    ffi.cdef(runpy.run_path("realtime/audio/layout.py")["declarations"](functions=True))
    ffi.set_source(
        "torchbend.realtime.audio._native",
        # The structs are atomic for the compiler and plain for cffi, so they are given twice.
        "#include <stdatomic.h>\n#include <stdint.h>\n"
        "typedef _Atomic uint64_t tb_counter;\ntypedef _Atomic uint32_t tb_word;\n"
        '#include "layout.h"\n#include "strip.h"\n',
        sources=["realtime/audio/native/strip.c"],
        depends=["realtime/audio/native/layout.h", "realtime/audio/native/strip.h"],
        include_dirs=["realtime/audio/native"],
        extra_compile_args=FLAGS,
    )
    Path("build").mkdir(exist_ok=True)
    made = ffi.distutils_extension(tmpdir="build", verbose=False)
    made.optional = True
    made.py_limited_api = True
    return [made]


setup(ext_modules=extensions(), options={"bdist_wheel": {"py_limited_api": "cp310"}})

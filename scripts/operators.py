"""Write the table of the operators that a release of torch knows, for the export's guard.

Run it with the Python of that release; it needs nothing but torch:

    python scripts/operators.py export/ops/libtorch-2.5.json.xz

The table maps each operator, with its overload, to its arguments: name, type, whether it has
a default, whether it is taken by name alone.
"""

from __future__ import annotations

import json
import lzma
import sys

import torch


def main(path: str) -> None:
    """Write the table of this torch to a file."""
    table = {}
    for schema in torch._C._jit_get_all_schemas():
        name = f"{schema.name}.{schema.overload_name}" if schema.overload_name else schema.name
        table[name] = [
            [a.name, a.type.annotation_str, a.has_default_value(), a.kwarg_only]
            for a in schema.arguments
        ]
    text = json.dumps(table, separators=(",", ":"), sort_keys=True)
    with lzma.open(path, "wb", preset=9 | lzma.PRESET_EXTREME) as file:
        file.write(text.encode())


if __name__ == "__main__":
    main(sys.argv[1])

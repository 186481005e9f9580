"""Writes the patches that play any file: ``python -m torchbend.export.patches FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path

from torchbend.export.patches import write_stage_patches

if __name__ == "__main__":
    write_stage_patches(Path(sys.argv[1] if len(sys.argv) > 1 else "patches"))

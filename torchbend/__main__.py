"""``python -m torchbend``: the command line of the Python it is run with."""

from torchbend.cli import main

raise SystemExit(main())

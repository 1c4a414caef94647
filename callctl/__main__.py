"""`python -m callctl`."""

from callctl.cli import main

raise SystemExit(main())

"""How long work on data tells how far it is."""

from collections.abc import Callable

Progress = Callable[[float, str], None]  # share done (0 to 1) and what is being done

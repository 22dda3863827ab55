"""A run seen from outside: queue, launch, stop, resume, supervise. No torch here; ``training`` is called by name."""

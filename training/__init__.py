"""One run, inside its own processes: objects from a config, callbacks, checkpoints, and how it ended."""

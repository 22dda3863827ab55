"""A module of a user that cannot be imported."""

raise RuntimeError("this module is broken on purpose")

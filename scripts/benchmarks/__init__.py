"""The measurements behind the promises: one module a subject, each with ``measure() -> list[Result]``."""

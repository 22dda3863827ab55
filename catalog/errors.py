"""What can go wrong with data, in one class: every message says what happened and what to do next."""


class CatalogError(ValueError):
    """Data that cannot be used as it is. ``field`` names the part of a form it belongs to, when there is one."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class VersionNotFound(CatalogError, LookupError):
    """A reference such as ``reviews@3`` names no version in this data folder."""

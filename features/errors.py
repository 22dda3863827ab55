"""What can go wrong with features."""


class FeaturesError(ValueError):
    """Features that cannot be fitted or loaded; the message says why and what to do next."""

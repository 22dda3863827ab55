"""What can go wrong around a run, as a small tree; each message says what happened and what to do next."""


class JobsError(RuntimeError):
    """Anything that the run supervisor or a request to it could not do."""


class PlaceTaken(JobsError):
    """Another supervisor already works in this data folder; the message says who."""

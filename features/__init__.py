"""From a raw example to model inputs: one code for training, serving and drift. Knows nothing of torch.

``load(folder)`` gives back what training fitted and saved beside the weights.
"""

from features.base import Features, FeaturesError, Odd, load

__all__ = ["Features", "FeaturesError", "Odd", "load"]

"""What happens to an image between the prior and the network."""

from dgnam_models.preprocess import centre_crop

__all__ = ["centre_crop"]

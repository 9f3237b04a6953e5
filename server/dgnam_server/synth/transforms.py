"""How an image gets the size that a network takes."""

from dgnam_models.preprocess import centre_crop as centre_crop  # the training's own
from dgnam_models.preprocess import resize as resize

"""Saliency (Simonyan et al. 2014): the gradient of an activation by the pixels."""

from dgnam_server.analysis.attribution import Attribution

SALIENCY = Attribution(
    "saliency",
    "The gradient of the activation by the pixels; shown is its size, the largest of the three channels",
    "Simonyan et al. 2014, Deep Inside Convolutional Networks, arXiv 1312.6034",
    drawn="size",
)

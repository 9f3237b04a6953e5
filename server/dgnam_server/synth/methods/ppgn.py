"""Plug & play generative networks."""

from dgnam_server.synth.methods.method import Method
from dgnam_server.synth.spec import Readout

PPGN = Method(
    name="ppgn",
    description="Sampling of a generator's code: up the unit's log-probability, towards the encoder's code of the picture so far, "
    "and a little at random; less extreme than dgn-am, closer to photographs, and seeds differ more",
    citation="Nguyen, Clune, Bengio, Dosovitskiy, Yosinski: Plug & play generative networks: conditional iterative generation of images in "
    "latent space, CVPR 2017, arXiv 1612.00005, the noiseless joint PPGN-h",
    prior="generator",
    rule="langevin",
    parts=("random-view", "redirected-relu", "activation-map", "receptive-field", "inpainting", "reconstruction", "bound"),
    defaults={
        "steps": 60.0,
        "start_learning_rate": 8.0,
        "end_learning_rate": 8.0,
        "reconstruction_weight": 0.1,
        "langevin_noise": 0.1,
        "end_langevin_noise": 0.0,
    },
    readout=Readout.LOG_PROBABILITY,
)

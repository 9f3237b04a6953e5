"""Guided diffusion of a generator's code."""

from dgnam_server.synth.methods.method import Method
from dgnam_server.synth.spec import Readout

DIFFUSION = Method(
    name="diffusion",
    description="Sampling of a generator's code by a diffusion model of photographs' codes, guided by the unit's log-probability; "
    "as close to photographs as ppgn, and seeds differ most",
    citation="Dhariwal, Nichol: Diffusion models beat GANs on image synthesis, NeurIPS 2021, arXiv 2105.05233, classifier guidance; "
    "Chung, Kim, Mccann, Klasky, Ye: Diffusion posterior sampling for general noisy inverse problems, ICLR 2023, arXiv 2209.14687",
    prior="generator",
    rule="guided-denoising",
    parts=("random-view", "redirected-relu", "activation-map", "receptive-field", "inpainting", "bound"),
    defaults={"steps": 40.0, "start_learning_rate": 15.0, "end_learning_rate": 150.0, "churn": 0.2},
    readout=Readout.LOG_PROBABILITY,
)

"""Distribution matching."""

from dgnam_server.synth.methods.method import IMAGE_PARTS, Method

VITAL = Method(
    name="vital",
    description="Adam on the picture's spectrum to the distributions of activations that exemplars of a unit have, seen moved; for targets "
    "made of exemplars, as `dgnam vital` asks for them",
    citation="Görgün, Schiele, Fischer: VITAL: more understandable feature visualization through distribution alignment and relevant "
    "information flow, ICCV 2025, arXiv 2503.22399; relevance by gradient times input, and the picture's spectrum in place of its pixels",
    prior="fourier",
    rule="adam",
    parts=IMAGE_PARTS,
    defaults={
        "steps": 200.0,
        "start_learning_rate": 0.05,
        "end_learning_rate": 0.01,
        "shift_px": 4.0,
    },
)

"""Feature accentuation."""

from dgnam_server.synth.methods.method import IMAGE_PARTS, Method

ACCENTUATION = Method(
    name="accentuation",
    description="Adam on the spectrum of a photograph, which stays near it in a tap's features while a unit rises; for targets of both, as "
    "`dgnam accentuate` asks for them",
    citation="Hamblin, Fel, Saha, Konkle, Alvarez: Feature accentuation: revealing 'what' features respond to in natural images, 2024, "
    "arXiv 2402.10039",
    prior="fourier",
    rule="adam",
    parts=IMAGE_PARTS,
    defaults={
        "steps": 100.0,
        "start_learning_rate": 0.05,
        "end_learning_rate": 0.02,
    },
)

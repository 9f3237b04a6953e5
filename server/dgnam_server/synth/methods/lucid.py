"""Feature visualization as in Lucid."""

from dgnam_server.synth.methods.method import IMAGE_PARTS, WAKING, Method

LUCID = Method(
    name="lucid",
    description="Adam on the picture's spectrum in decorrelated colours, seen padded, moved, scaled and turned",
    citation="Olah, Mordvintsev, Schubert: Feature visualization, Distill 2017, DOI 10.23915/distill.00007; constants as in Lucid",
    prior="fourier",
    rule="adam",
    parts=IMAGE_PARTS,
    defaults={
        **WAKING,
        "steps": 512.0,
        "start_learning_rate": 0.05,
        "end_learning_rate": 0.05,
        "padding_px": 3.0,
        "shift_px": 4.0,
        "scale": 0.1,
        "rotation": 10.0,
    },
)

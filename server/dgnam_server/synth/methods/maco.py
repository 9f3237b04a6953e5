"""Magnitude constrained optimization."""

from dgnam_server.synth.methods.method import IMAGE_PARTS, WAKING, Method

MACO = Method(
    name="maco",
    description="Adam on the phases of the picture's spectrum; its magnitudes are photographs' mean ones",
    citation="Fel, Boissin, Boutin, Picard, Novello, Colin, Linsley, Rousseau, Cadene, Goetschalckx, Gardes, Serre: Unlocking feature "
    "visualization for deeper networks with magnitude constrained optimization, NeurIPS 2023, arXiv 2306.06805",
    prior="phase",
    rule="adam",
    parts=IMAGE_PARTS,
    defaults={
        **WAKING,
        "steps": 256.0,
        "start_learning_rate": 0.1,
        "end_learning_rate": 0.1,
        "shift_px": 2.0,
        "crop": 0.4,
    },
)

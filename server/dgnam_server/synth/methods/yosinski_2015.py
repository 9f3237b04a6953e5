"""The regularized ascent of the Deep Visualization Toolbox."""

from dgnam_server.synth.methods.method import PIXEL_PARTS, WAKING, Method

YOSINSKI_2015 = Method(
    name="yosinski-2015",
    description="Gradient ascent on pixels with decay, blur every few steps, and the faintest pixels set to grey",
    citation="Yosinski, Clune, Nguyen, Fuchs, Lipson: Understanding neural networks through deep visualization, "
    "ICML Deep Learning Workshop 2015, arXiv 1506.06579",
    prior="pixels",
    rule="momentum-ascent",
    parts=PIXEL_PARTS,
    defaults={
        **WAKING,
        "start_learning_rate": 0.05,
        "end_learning_rate": 0.05,
        "momentum": 0.0,
        "gradient_normalization": 1.0,
        "decay": 0.0001,
        "blur_sigma": 1.0,
        "blur_interval": 4.0,
        "small_norm_share": 0.0,
        "keep_range": 1.0,
    },
)

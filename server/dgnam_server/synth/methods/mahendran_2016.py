"""Natural pre-images."""

from dgnam_server.synth.methods.method import PIXEL_PARTS, WAKING, Method

MAHENDRAN_2016 = Method(
    name="mahendran-2016",
    description="Gradient ascent on pixels with the p-norm (p = 6) and total variation (beta = 2) penalties, and jitter",
    citation="Mahendran, Vedaldi: Visualizing deep convolutional neural networks using natural pre-images, IJCV 120, 2016, "
    "arXiv 1512.02017",
    prior="pixels",
    rule="momentum-ascent",
    parts=PIXEL_PARTS,
    defaults={
        **WAKING,
        "start_learning_rate": 0.02,
        "end_learning_rate": 0.002,
        "gradient_normalization": 1.0,
        "p_norm_weight": 0.3,
        "p_norm_exponent": 6.0,
        "tv_weight": 1.0,
        "tv_exponent": 2.0,
        "shift_px": 4.0,
        "keep_range": 1.0,
    },
)

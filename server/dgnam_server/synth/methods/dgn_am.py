"""Deep generator network activation maximization."""

from dgnam_server.synth.methods.method import Method

DGN_AM = Method(
    name="dgn-am",
    description="Gradient ascent on a generator's code, clipped to the range of real photographs' codes, with L2 decay",
    citation="Nguyen, Dosovitskiy, Yosinski, Brox, Clune: Synthesizing the preferred inputs for neurons in neural networks "
    "via deep generator networks, NIPS 2016, arXiv 1605.09304; update order and constants as in the authors' released script",
    prior="generator",
    rule="normalized-ascent",
    parts=("random-view", "redirected-relu", "activation-map", "receptive-field", "inpainting", "reconstruction", "decay", "bound"),
    defaults={"decay": 0.01},
)

DGN_AM_COVARIANCE = Method(
    name="dgn-am-covariance",
    description="dgn-am with steps along the covariance of photographs' codes, each of so many standard deviations; without decay",
    citation="Steepest ascent in Mahalanobis length (Boyd, Vandenberghe: Convex optimization, 2004, section 9.4.1) in place of the "
    "normalized gradient of Nguyen, Dosovitskiy, Yosinski, Brox, Clune 2016, arXiv 1605.09304",
    prior="generator",
    rule="covariance-ascent",
    parts=("random-view", "redirected-relu", "activation-map", "receptive-field", "inpainting", "reconstruction", "decay", "bound"),
    defaults={"steps": 30.0, "start_learning_rate": 1.0},
)

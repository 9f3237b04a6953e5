"""Code inversion."""

from dgnam_server.synth.methods.method import PIXEL_PARTS, Method

# Normalized gradients keep the penalty's share of a step the same at every layer, so one setting serves all of them. The penalty fades: at
# first it settles what the layer does not tell, at last the layer has its way.
INVERSION = Method(
    name="inversion",
    description="Descent on pixels to a picture's activations, from noise, with a total variation penalty that fades; for targets that "
    "match a picture, as `dgnam invert` and `dgnam restyle` ask for them",
    citation="Mahendran, Vedaldi: Understanding deep image representations by inverting them, CVPR 2015, arXiv 1412.0035; normalized "
    "gradients as in Pan, Fu, Zhu, Wang 2017, DOI 10.11918/j.issn.0367-6234.201612087",
    prior="pixels",
    rule="momentum-ascent",
    parts=PIXEL_PARTS,
    defaults={
        "start_learning_rate": 0.02,
        "end_learning_rate": 0.0005,
        "gradient_normalization": 1.0,
        "tv_weight": 0.3,
        "end_tv_weight": 0.02,
        "keep_range": 1.0,
    },
)

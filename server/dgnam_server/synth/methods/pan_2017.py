"""The methods on pixels that Pan et al. 2017 compare, and their own, the spatial pyramid."""

from dgnam_server.synth.methods.method import PIXEL_PARTS, WAKING, Method

_CITATION = (
    "Pan, Fu, Zhu, Wang: Deep visualization based on the spatial pyramid decomposition, J. Harbin Inst. Tech. 49(11), 2017, "
    "DOI 10.11918/j.issn.0367-6234.201612087"
)
# Section 4.1: normalized gradients, momentum, random shift and crop, several resolutions.
_GENERAL: dict[str, float | None] = {
    **WAKING,
    "start_learning_rate": 0.02,
    "end_learning_rate": 0.002,
    "gradient_normalization": 1.0,
    "shift_px": 4.0,
    "crop": 0.1,
    "octaves": 2.0,
    "keep_range": 1.0,
}


def _method(name: str, description: str, **defaults: float) -> Method:
    return Method(name, description, _CITATION, "pixels", "momentum-ascent", PIXEL_PARTS, _GENERAL | defaults)


PYRAMID = _method(
    "pyramid",
    "Gradient ascent on pixels; the gradient's Laplacian and Gaussian pyramids are balanced at each step, a little total variation smooths",
    laplacian_weight=1.0,
    gaussian_weight=1.0,
    tv_weight=0.08,
)
PAN_2017 = (
    PYRAMID,
    _method("normalized", "Gradient ascent on pixels with normalized gradients and momentum, nothing else to make it look natural"),
    _method("p-norm", "The normalized gradient, with the p-norm penalty against extreme values", p_norm_weight=0.3),
    _method("tv", "The normalized gradient, with the total variation penalty", tv_weight=0.15),
    _method("blur", "The normalized gradient; the picture is blurred after each step, less and less", blur_sigma=1.0, end_blur_sigma=0.3),
    _method("laplacian", "The normalized gradient with its Laplacian bands balanced: raises low frequencies", laplacian_weight=1.0),
    _method("gaussian", "The normalized gradient with its Gaussian levels added up: steers high frequencies", gaussian_weight=1.0),
    _method("patch-prior", "The normalized gradient, with every patch drawn to the nearest patch of photographs", patch_weight=0.1),
)

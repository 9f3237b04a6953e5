"""Named methods as data: parts, defaults, ranges and citation. Defaults and limits on the wire come from here and from nowhere else."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from dgnam_server.synth.parts import PARTS
from dgnam_server.synth.problem import Structure
from dgnam_server.synth.spec import Readout
from dgnam_server.synth.updates import RULES


@dataclass(frozen=True)
class Option:
    """One tunable: its name in a request, its inclusive range and default.

    A default of None is taken from elsewhere: `start_learning_rate` from the prior's card, `end_x` from the row's own `x`.
    """

    name: str
    description: str
    minimum: float
    maximum: float
    default: float | None
    whole: bool = False


@dataclass(frozen=True)
class Method:
    """A way to synthesize, with everything a request may tune about it.

    Attributes:
        prior: "generator" (a trained one draws, chosen by the request), or a parametrisation of priors.py.
        rule: the update rule, of updates.py.
        parts: those of parts.py that it may have; which ones a row has, its options say.
        defaults: where an option's default differs from the table's.
        readout: what is read off output units where a request does not say it.
    """

    name: str
    description: str
    citation: str
    prior: str
    rule: str
    parts: tuple[str, ...]
    defaults: Mapping[str, float | None] = field(default_factory=dict)
    readout: Readout = Readout.ACTIVATION

    @property
    def draws_with_a_generator(self) -> bool:
        """Whether a trained prior draws; else the method has a parametrisation of its own."""
        return self.prior == "generator"

    @cached_property
    def options(self) -> tuple[Option, ...]:
        """Every tunable, with this method's defaults."""
        names = ["steps", "start_learning_rate", "end_learning_rate", *RULES[self.rule].options]
        names += [] if self.draws_with_a_generator else ["noise"]
        names += [name for part in self.parts for name in PARTS[part].options]
        return tuple(replace(OPTIONS[name], default=self.defaults.get(name, OPTIONS[name].default)) for name in names)

    def option(self, name: str) -> Option:
        """The option of this name."""
        return next(option for option in self.options if option.name == name)

    def structure(self, settings: Mapping[str, float]) -> Structure:
        """What a row with these settings has: parts whose switches are all zero are left out."""
        on = [name for name in self.parts if not (switches := PARTS[name].switches) or any(settings[switch] for switch in switches)]
        return Structure(self.prior, self.rule, tuple(on))


_TABLE = (
    Option("steps", "Optimization steps.", 1, 2000, 200, whole=True),
    Option("start_learning_rate", "Step size at the first step, in units of what is optimized; changes linearly.", 0.0, 1000.0, None),
    Option("end_learning_rate", "Step size that the schedule goes to.", 0.0, 1000.0, 1e-10),
    Option("momentum", "Share of the last step that the next one keeps (Pan et al. 2017, eq. 12).", 0.0, 0.999, 0.9),
    Option("noise", "Standard deviation of the noise that a picture starts from, where it starts from no image.", 0.0, 10.0, 0.02),
    Option("decay", "Share by which the code shrinks at each step.", 0.0, 1.0, 0.0),
    Option(
        "bound_multiplier", "Upper bound of a code unit, in standard deviations above its mean; smaller is more typical.", 0.0, 100.0, 3.0
    ),
    Option("reconstruction_weight", "How far the code goes at each step towards its reconstruction, E(G(code)).", 0.0, 1.0, 0.0),
    Option("langevin_noise", "Standard deviation of the noise that each step adds to the code.", 0.0, 10.0, 0.0),
    Option("end_langevin_noise", "Where it goes linearly.", 0.0, 10.0, None),
    Option("noise_level", "Noise that a row starts with, in standard deviations of photographs' codes.", 0.01, 100.0, 10.0),
    Option("end_noise_level", "The noise level that the row falls to.", 0.01, 100.0, 0.1),
    Option("churn", "How much of the noise is replaced by new at each step, as a share of its variance.", 0.0, 1.0, 0.0),
    Option("padding_px", "Grey pixels around the picture when the network looks at it.", 0.0, 64.0, 0.0),
    Option("shift_px", "At each step the network's view moves by up to so many pixels.", 0.0, 64.0, 0.0),
    Option("crop", "At each step the network sees a part whose side is smaller by up to this share.", 0.0, 0.9, 0.0),
    Option("scale", "At each step the view is larger or smaller by up to this share.", 0.0, 1.0, 0.0),
    Option("rotation", "At each step the view turns by up to so many degrees.", 0.0, 180.0, 0.0),
    Option("p_norm_weight", "Weight of the p-norm penalty (Pan et al. 2017, eq. 5), which holds back extreme values.", 0.0, 1000.0, 0.0),
    Option("end_p_norm_weight", "Where that weight goes linearly.", 0.0, 1000.0, None),
    Option("p_norm_exponent", "The p of the p-norm.", 1.0, 20.0, 2.0),
    Option("tv_weight", "Weight of the total variation penalty (Pan et al. 2017, eq. 6), which smooths.", 0.0, 1000.0, 0.0),
    Option("end_tv_weight", "Where that weight goes linearly.", 0.0, 1000.0, None),
    Option("tv_exponent", "The beta of total variation; 1 lets edges be sharp.", 0.5, 4.0, 1.0),
    Option("end_tv_exponent", "Where beta goes linearly.", 0.5, 4.0, None),
    Option("patch_weight", "Weight of the distance to photographs' patches (Pan et al. 2017, eq. 7); needs a patch set.", 0.0, 1000.0, 0.0),
    Option("end_patch_weight", "Where that weight goes linearly.", 0.0, 1000.0, None),
    Option("octaves", "Resolutions from coarse to fine, each half of the next; 0 and 1: only the full one.", 0.0, 8.0, 0.0, whole=True),
    Option(
        "laplacian_weight", "Weight of the gradient's Laplacian bands, each brought to one size (Pan et al. 2017, eq. 8).", 0.0, 100.0, 0.0
    ),
    Option("end_laplacian_weight", "Where that weight goes linearly.", 0.0, 100.0, None),
    Option(
        "gaussian_weight", "Weight of the gradient's Gaussian levels, each brought to one size (Pan et al. 2017, eq. 8).", 0.0, 100.0, 0.0
    ),
    Option("end_gaussian_weight", "Where that weight goes linearly.", 0.0, 100.0, None),
    Option("levels", "Levels of the pyramids, at most as many as the picture has room for.", 1.0, 12.0, 4.0, whole=True),
    Option(
        "gradient_normalization", "1: gradients are divided by their standard deviation (Pan et al. 2017, eq. 9); 0: not.", 0.0, 1.0, 0.0
    ),
    Option("cam_weight", "How far growth is held inside the class activation map (Pan et al. 2017, eq. 11); 1: altogether.", 0.0, 1.0, 0.0),
    Option("end_cam_weight", "Where that weight goes linearly.", 0.0, 1.0, None),
    Option("cam_threshold", "Values of the map below this share of its largest count as zero.", 0.0, 1.0, 0.0),
    Option("cam_interval", "The map is made anew every so many steps.", 1.0, 2000.0, 10.0, whole=True),
    Option("blur_sigma", "Standard deviation in pixels of the blur after a step (Yosinski et al. 2015).", 0.0, 32.0, 0.0),
    Option("end_blur_sigma", "Where it goes linearly: outlines first, detail later.", 0.0, 32.0, None),
    Option("blur_interval", "The picture is blurred every so many steps.", 1.0, 2000.0, 1.0, whole=True),
    Option("small_norm_share", "At each step this share of the pixels, the faintest, becomes grey (Yosinski et al. 2015).", 0.0, 1.0, 0.0),
    Option("keep_range", "1: values are kept in [0, 1]; 0.5: in a range twice as wide; 0: not kept.", 0.0, 1.0, 0.0),
)
OPTIONS: dict[str, Option] = {option.name: option for option in _TABLE}

_PAN = "Pan, Fu, Zhu, Wang: Deep visualization based on the spatial pyramid decomposition, J. Harbin Inst. Tech. 49(11), 2017, "
_PAN += "DOI 10.11918/j.issn.0367-6234.201612087"
_VIEW = ("random-view", "p-norm", "total-variation", "patches", "octaves", "pyramid", "normalization", "activation-map")
_PIXELS = (*_VIEW, "decay", "blur", "small-norms", "range")
# The general settings of Pan et al. 2017, section 4.1: normalized gradients, momentum, random shift and crop, several resolutions.
_GENERAL: dict[str, float | None] = {
    "start_learning_rate": 0.02,
    "end_learning_rate": 0.002,
    "gradient_normalization": 1.0,
    "shift_px": 4.0,
    "crop": 0.1,
    "octaves": 2.0,
    "keep_range": 1.0,
}


def _pan(name: str, description: str, **defaults: float) -> Method:
    return Method(name, description, _PAN, "pixels", "momentum-ascent", _PIXELS, _GENERAL | defaults)


DGN_AM = Method(
    name="dgn-am",
    description="Gradient ascent on a generator's code, clipped to the range of real photographs' codes, with L2 decay",
    citation="Nguyen, Dosovitskiy, Yosinski, Brox, Clune: Synthesizing the preferred inputs for neurons in neural networks "
    "via deep generator networks, NIPS 2016, arXiv 1605.09304; update order and constants as in the authors' released script",
    prior="generator",
    rule="normalized-ascent",
    parts=("decay", "bound"),
    defaults={"decay": 0.01},
)
PPGN = Method(
    name="ppgn",
    description="Sampling of a generator's code: up the unit's log-probability, towards the encoder's code of the picture so far, "
    "and a little at random; less extreme than dgn-am, closer to photographs, and seeds differ more",
    citation="Nguyen, Clune, Bengio, Dosovitskiy, Yosinski: Plug & play generative networks: conditional iterative generation of images in "
    "latent space, CVPR 2017, arXiv 1612.00005, the noiseless joint PPGN-h",
    prior="generator",
    rule="langevin",
    parts=("reconstruction", "bound"),
    defaults={
        "steps": 60.0,
        "start_learning_rate": 8.0,
        "end_learning_rate": 8.0,
        "reconstruction_weight": 0.1,
        "langevin_noise": 0.1,
        "end_langevin_noise": 0.0,
    },
    readout=Readout.LOG_PROBABILITY,
)
DIFFUSION = Method(
    name="diffusion",
    description="Sampling of a generator's code by a diffusion model of photographs' codes, guided by the unit's log-probability; "
    "as close to photographs as ppgn, and seeds differ most",
    citation="Dhariwal, Nichol: Diffusion models beat GANs on image synthesis, NeurIPS 2021, arXiv 2105.05233, classifier guidance; "
    "Chung, Kim, Mccann, Klasky, Ye: Diffusion posterior sampling for general noisy inverse problems, ICLR 2023, arXiv 2209.14687",
    prior="generator",
    rule="guided-denoising",
    parts=("bound",),
    defaults={"steps": 40.0, "start_learning_rate": 15.0, "end_learning_rate": 150.0, "churn": 0.2},
    readout=Readout.LOG_PROBABILITY,
)
PYRAMID = _pan(
    "pyramid",
    "Gradient ascent on pixels; the gradient's Laplacian and Gaussian pyramids are balanced at each step, a little total variation smooths",
    laplacian_weight=1.0,
    gaussian_weight=1.0,
    tv_weight=0.08,
)
_PIXEL_METHODS = (
    PYRAMID,
    _pan("normalized", "Gradient ascent on pixels with normalized gradients and momentum, nothing else to make it look natural"),
    _pan("p-norm", "The normalized gradient, with the p-norm penalty against extreme values", p_norm_weight=0.3),
    _pan("tv", "The normalized gradient, with the total variation penalty", tv_weight=0.15),
    _pan("blur", "The normalized gradient; the picture is blurred after each step, less and less", blur_sigma=1.0, end_blur_sigma=0.3),
    _pan("laplacian", "The normalized gradient with its Laplacian bands balanced: raises low frequencies", laplacian_weight=1.0),
    _pan("gaussian", "The normalized gradient with its Gaussian levels added up: steers high frequencies", gaussian_weight=1.0),
    _pan("patch-prior", "The normalized gradient, with every patch drawn to the nearest patch of photographs", patch_weight=0.1),
    Method(
        name="yosinski-2015",
        description="Gradient ascent on pixels with decay, blur every few steps, and the faintest pixels set to grey",
        citation="Yosinski, Clune, Nguyen, Fuchs, Lipson: Understanding neural networks through deep visualization, "
        "ICML Deep Learning Workshop 2015, arXiv 1506.06579",
        prior="pixels",
        rule="momentum-ascent",
        parts=_PIXELS,
        defaults={
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
    ),
    Method(
        name="mahendran-2016",
        description="Gradient ascent on pixels with the p-norm (p = 6) and total variation (beta = 2) penalties, and jitter",
        citation="Mahendran, Vedaldi: Visualizing deep convolutional neural networks using natural pre-images, IJCV 120, 2016, "
        "arXiv 1512.02017",
        prior="pixels",
        rule="momentum-ascent",
        parts=_PIXELS,
        defaults={
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
    ),
    Method(
        name="lucid",
        description="Adam on the picture's spectrum in decorrelated colours, seen padded, moved, scaled and turned",
        citation="Olah, Mordvintsev, Schubert: Feature visualization, Distill 2017, DOI 10.23915/distill.00007; constants as in Lucid",
        prior="fourier",
        rule="adam",
        parts=_VIEW,
        defaults={
            "steps": 512.0,
            "start_learning_rate": 0.05,
            "end_learning_rate": 0.05,
            "noise": 0.01,
            "padding_px": 3.0,
            "shift_px": 4.0,
            "scale": 0.1,
            "rotation": 10.0,
        },
    ),
    Method(
        name="maco",
        description="Adam on the phases of the picture's spectrum; its magnitudes are photographs' mean ones",
        citation="Fel, Boissin, Boutin, Picard, Novello, Colin, Linsley, Rousseau, Cadene, Goetschalckx, Gardes, Serre: Unlocking feature "
        "visualization for deeper networks with magnitude constrained optimization, NeurIPS 2023, arXiv 2306.06805",
        prior="phase",
        rule="adam",
        parts=_VIEW,
        defaults={
            "steps": 256.0,
            "start_learning_rate": 0.1,
            "end_learning_rate": 0.1,
            "noise": 1.0,
            "shift_px": 2.0,
            "crop": 0.4,
        },
    ),
)

METHODS: dict[str, Method] = {method.name: method for method in (DGN_AM, PPGN, DIFFUSION, *_PIXEL_METHODS)}
DEFAULT_METHOD = DGN_AM.name
DEFAULT_PIXEL_METHOD = PYRAMID.name

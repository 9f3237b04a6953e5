"""Named methods as data. Defaults and limits on the wire come from here and from what a method names, and from nowhere else.

A new method is an entry in its family's file, or a file here and its name in the table.
"""

from dgnam_server.synth.methods.accentuation import ACCENTUATION
from dgnam_server.synth.methods.dgn_am import DGN_AM, DGN_AM_COVARIANCE
from dgnam_server.synth.methods.diffusion import DIFFUSION
from dgnam_server.synth.methods.inversion import INVERSION
from dgnam_server.synth.methods.lucid import LUCID
from dgnam_server.synth.methods.maco import MACO
from dgnam_server.synth.methods.mahendran_2016 import MAHENDRAN_2016
from dgnam_server.synth.methods.method import Method
from dgnam_server.synth.methods.pan_2017 import PAN_2017, PYRAMID
from dgnam_server.synth.methods.ppgn import PPGN
from dgnam_server.synth.methods.vital import VITAL
from dgnam_server.synth.methods.yosinski_2015 import YOSINSKI_2015
from dgnam_server.synth.options import Option

_TABLE = (
    DGN_AM,
    DGN_AM_COVARIANCE,
    PPGN,
    DIFFUSION,
    *PAN_2017,
    YOSINSKI_2015,
    MAHENDRAN_2016,
    INVERSION,
    VITAL,
    LUCID,
    ACCENTUATION,
    MACO,
)
METHODS: dict[str, Method] = {method.name: method for method in _TABLE}
DEFAULT_METHOD = DGN_AM.name
DEFAULT_PIXEL_METHOD = PYRAMID.name

__all__ = ["DEFAULT_METHOD", "DEFAULT_PIXEL_METHOD", "DGN_AM", "METHODS", "Method", "Option"]

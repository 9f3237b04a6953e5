"""Looking at photographs: pictures in, maps out. Pure torch and numpy; a method of projection a file, and a line here.

What an analysis that is no projection adds is a file, as occlusion.py is: the engine has a kind of work for it, the wire a message.
"""

from collections.abc import Mapping

from dgnam_server.analysis.attribution import Attribution as Attribution
from dgnam_server.analysis.deconvnet import DECONVNET
from dgnam_server.analysis.grad_cam import GRAD_CAM
from dgnam_server.analysis.gradient_times_input import GRADIENT_TIMES_INPUT
from dgnam_server.analysis.guided_backpropagation import GUIDED_BACKPROPAGATION
from dgnam_server.analysis.integrated_gradients import INTEGRATED_GRADIENTS
from dgnam_server.analysis.saliency import SALIENCY

PROJECTIONS: Mapping[str, Attribution] = {
    method.name: method for method in (DECONVNET, SALIENCY, GUIDED_BACKPROPAGATION, GRADIENT_TIMES_INPUT, INTEGRATED_GRADIENTS, GRAD_CAM)
}
DEFAULT_PROJECTION = DECONVNET.name
# All that a deconvnet knows of a picture are the switches of max pooling; guided backpropagation was made for networks that have none.
DEFAULT_WITHOUT_POOLING = GUIDED_BACKPROPAGATION.name

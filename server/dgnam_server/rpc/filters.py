"""GetFiltersRequest -> a network's first-layer filters, and what may be wrong with them."""

import io

from dgnam_models import filters
from dgnam_models.filters import Filters
from dgnam_proto import arrays
from dgnam_proto.v1.analysis_pb2 import GetFiltersRequest, GetFiltersResponse

from dgnam_server.rpc import lookup
from dgnam_server.rpc.errors import Reason
from dgnam_server.rpc.fields import Reader


def read(reader: Reader, request: GetFiltersRequest) -> Filters:
    """The filters that the request asks for.

    Raises:
        InvalidRequest, NotFound: it names no network.
        FailedPrecondition: the network does not begin with a convolution of the picture.
    """
    network = lookup.network(reader.at("model"), request.model)
    found = None if network is None else reader.catalog.filters.get(network.name)
    if network is not None and found is None:
        reader.at("model").unmet(Reason.NO_FILTERS, f"{network.name} does not begin with a convolution of the whole picture")
    reader.raise_any()
    assert found is not None
    return found


def response(found: Filters, shared_scale: bool) -> GetFiltersResponse:
    """The filters with their diagnosis and their sheet."""
    low, middle, high = found.bands()
    file = io.BytesIO()
    filters.sheet(found, shared=shared_scale).save(file, "PNG")
    return GetFiltersResponse(
        values=arrays.to_message(found.values.permute(0, 2, 3, 1).numpy()),
        stride_y=found.stride[0],
        stride_x=found.stride[1],
        rms=found.rms.tolist(),
        dominating=found.dominating,
        dead=found.dead,
        low=low,
        middle=middle,
        high=high,
        aliased=found.aliased(),
        png=file.getvalue(),
    )

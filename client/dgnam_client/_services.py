"""The stubs of one channel, each loaded with the first call of its service."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import grpc
    import grpc.aio


class Services:
    """The stubs of one channel, of either kind."""

    def __init__(self, channel: grpc.Channel | grpc.aio.Channel) -> None:
        self._channel = channel

    @cached_property
    def synthesis(self) -> Any:
        """Drawing."""
        from dgnam_proto.v1.synthesis_pb2_grpc import SynthesisServiceStub

        return SynthesisServiceStub(self._channel)

    @cached_property
    def analysis(self) -> Any:
        """Looking at photographs."""
        from dgnam_proto.v1.analysis_pb2_grpc import AnalysisServiceStub

        return AnalysisServiceStub(self._channel)

    @cached_property
    def search(self) -> Any:
        """Searches by scores alone."""
        from dgnam_proto.v1.search_pb2_grpc import SearchServiceStub

        return SearchServiceStub(self._channel)

    @cached_property
    def jobs(self) -> Any:
        """Sets of pictures that the server keeps."""
        from dgnam_proto.v1.jobs_pb2_grpc import JobServiceStub

        return JobServiceStub(self._channel)

    @cached_property
    def catalog(self) -> Any:
        """Models, units and methods."""
        from dgnam_proto.v1.catalog_pb2_grpc import CatalogServiceStub

        return CatalogServiceStub(self._channel)

    @cached_property
    def server(self) -> Any:
        """The server itself."""
        from dgnam_proto.v1.server_pb2_grpc import ServerServiceStub

        return ServerServiceStub(self._channel)

    @cached_property
    def health(self) -> Any:
        """The standard health check: a string in, an enum out, each as field 1.

        The wrapper types have the same encoding, which saves a dependency on the package with the generated code.
        """
        from google.protobuf import wrappers_pb2

        return self._channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=wrappers_pb2.StringValue.SerializeToString,
            response_deserializer=wrappers_pb2.Int32Value.FromString,
        )

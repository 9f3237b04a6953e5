"""The dgnam.v1 contract: messages and services (`dgnam_proto.v1`), and arrays on the wire (`dgnam_proto.arrays`)."""

__version__ = "0.1.0"

"""dgnam-server: synthesizes the pictures that units of neural networks prefer, and serves them over gRPC."""

__version__ = "0.1.0"

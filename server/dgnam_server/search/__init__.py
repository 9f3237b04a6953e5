"""Searches: pictures drawn for a neuron that is somebody else's, by scores alone. No gRPC, no threads of its own, no networks."""

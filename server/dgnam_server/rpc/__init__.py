"""The gRPC side: a file for each service, which reads a request, has it done, and writes the response; and one server."""

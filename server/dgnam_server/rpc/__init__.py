"""The gRPC side: messages to specifications and events to messages, three servicers, one server."""

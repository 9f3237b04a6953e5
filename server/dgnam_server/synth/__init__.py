"""The mathematics of synthesis: pure functions over rows. No gRPC, no threads, no clock."""

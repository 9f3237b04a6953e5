"""The engine: rows of different requests share batches on one device thread."""

"""The published figures, drawn with our networks: each a sheet of pictures and its numbers."""

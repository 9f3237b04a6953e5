"""What the pictures of a prior, or of a method without one, are worth: measured, and shown on sheets."""

"""The kinds of work: a file each, or two."""

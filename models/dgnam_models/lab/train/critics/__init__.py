"""Networks that are trained against a generator, to tell its pictures from photographs; a file each. They are never served."""

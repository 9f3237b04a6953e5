"""Training: photographs in, a served model out. `python -m dgnam_models.lab.train --help`."""

"""Training: photographs in, a served model out. `dgnam-models train --help`."""

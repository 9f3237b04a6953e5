"""`python -m dgnam_models` is `dgnam-models`."""

import sys

from dgnam_models.commands import main

if __name__ == "__main__":
    sys.exit(main())

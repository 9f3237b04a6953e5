"""`python -m dgnam_client` is `dgnam`."""

import sys

from ._cli import main

sys.exit(main())

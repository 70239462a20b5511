"""`python -m reverie`, and under torchrun `torchrun -m reverie fit …`."""

import sys

from reverie.cli import main

if __name__ == "__main__":
    sys.exit(main())

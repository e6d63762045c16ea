"""`python -m doctor`: say what is wrong with an installation, and what to do."""

import sys

from doctor.program import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

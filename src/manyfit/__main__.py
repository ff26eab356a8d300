"""`python -m manyfit`: the same as the command `manyfit`."""

from manyfit.cli import main

if __name__ == "__main__":
    main()

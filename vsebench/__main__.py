"""`python -m vsebench` is the command `vsebench`."""

from vsebench.cli.app import main

if __name__ == "__main__":
    main()

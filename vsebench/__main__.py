"""The command `vsebench`, which `python -m vsebench` is, too."""

import sys


def main() -> None:
    """Runs the command line; an interrupt while it is imported needs no traceback."""
    try:
        from vsebench.cli.app import main as command
    except KeyboardInterrupt:
        sys.stderr.write("vsebench: interrupted\n")
        sys.exit(130)
    command()


if __name__ == "__main__":
    main()

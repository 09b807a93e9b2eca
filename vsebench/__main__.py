"""The command `vsebench`, which `python -m vsebench` is, too."""

import sys


def main() -> None:
    """Runs the command line; an interrupt while it is imported needs no traceback."""
    try:
        from vsebench.cli.app import main as command
        from vsebench.cli.shared.terminal import escape_streams
        from vsebench.plugin.host.contain import decide_exit
    except KeyboardInterrupt:
        sys.stderr.write("vsebench: interrupted\n")
        sys.exit(130)
    escape_streams()
    try:
        command()
    except SystemExit as end:
        if isinstance(end.code, int):
            decide_exit(end.code)
        raise


if __name__ == "__main__":
    main()

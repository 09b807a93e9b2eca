"""Subcommands that plugins add. Plugins are loaded when a command is typed that is not built in, so
that the others start as fast as without them.
"""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from vsebench.cli.shared.messages import say, warn
from vsebench.plugin.errors import PluginError, SpecError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection

    from vsebench.plugin.host.loaded import PluginInfo, Plugins

HOOK = "vsebench_register_commands"


class ExtensibleGroup(TyperGroup):
    """The command `vsebench`, which looks for a name that it does not have among the commands of
    plugins, and says when it was interrupted.
    """

    def invoke(self, ctx: Any) -> Any:
        """Runs the command; a KeyboardInterrupt's text, where it has one, is what to do next."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interrupt:
            say("; ".join(["interrupted", *map(str, interrupt.args)]))
            raise

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command of its own, or a plugin's.

        Raises:
            SpecError: neither has that name.
        """
        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        found = plugin_commands(self.commands)
        if cmd_name not in found:
            raise SpecError(
                f"no such command '{cmd_name}': {did_you_mean(cmd_name, {*self.commands, *found})}"
            )
        return found[cmd_name]


def plugin_commands(taken: Collection[str]) -> dict[str, Any]:
    """The commands of all plugins by name. A plugin whose hook fails, or that wants a name of
    `taken` or of another plugin, is named on stderr and left out.
    """
    from vsebench.plugin.host.loader import load_plugins

    plugins = load_plugins()
    found: dict[str, Any] = {}
    for info in plugins.infos:
        if info.status == "loaded" and HOOK in info.hooks:
            try:
                found |= _commands_of(info, plugins, {*taken, *found})
            except (Exception, SystemExit) as error:
                reason = " ".join(f"{type(error).__name__}: {error}".split())
                warn(
                    f"the commands of plugin '{info.name}' ({info.distribution}) are left out: "
                    f"{reason}"
                )
    return found


def _commands_of(info: PluginInfo, plugins: Plugins, taken: Collection[str]) -> dict[str, Any]:
    """One plugin's, all or none."""
    app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)
    with redirect_stdout(sys.stderr):
        plugins.call(info, HOOK, app=app)
    commands: dict[str, Any] = dict(typer.main.get_group(app).commands)
    for name in commands:
        if name in taken:
            raise PluginError(f"command '{name}' is taken: choose another name")
    return commands

"""Commands in files of their own, imported when they are asked for."""

from __future__ import annotations

import importlib

import click

COMMANDS = {
    "audit": ("audit_command", "audit"),
    "blame": ("blame_command", "blame"),
    "exercise": ("exercise_command", "exercise"),
    "explain": ("explain_command", "explain"),
    "examples": ("examples_command", "examples"),
    "mutants": ("mutants_command", "mutants"),
    "shrink": ("shrink_command", "shrink"),
}  # the name of a command to its module here and its function in it


class LazyGroup(click.Group):
    """A group that has the commands added to it, and those of ``COMMANDS``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in alphabetical order."""
        return sorted([*super().list_commands(ctx), *COMMANDS])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported if need be; None where there is no such name."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, function = COMMANDS[cmd_name]
        found = getattr(importlib.import_module(f".{module}", __package__), function)
        assert isinstance(found, click.Command)
        return found

"""What people write who come from other suites, and what it is here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.plugin.errors import nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    import typer

KEYS = {
    "learning_rate": "lr",
    "num_epochs": "epochs",
    "max_epochs": "epochs",
    "embed_size": "embed_dim",
    "embedding_dim": "embed_dim",
    "embedding_size": "embed_dim",
    "word_size": "word_dim",
    "wd": "weight_decay",
    "warmup": "warmup_epochs",
    "grad_clip": "clip_norm",
}
"""Protocol keys by what other suites call them."""

OPTIONS = {
    "gpu": "--device cuda",
    "cuda": "--device cuda",
    "seed": "--seeds 0-2",
    "output": "--out DIR",
    "output_dir": "--out DIR",
    "save_dir": "--out DIR",
    "logger_name": "--out DIR",
    "data": "--dataset NAME, with --data-root DIR",
    "data_path": "--data-root DIR",
    "data_dir": "--data-root DIR",
    "num_workers": "--workers N, which is runs at a time",
    "margin": "a parameter of the loss: --loss triplet:margin=0.2",
    "temperature": "a parameter of the loss: --loss infonce:temperature=0.05",
}
"""What else other suites have options for."""


FOLDERS = ("results", "runs", "out", "dir", "results_dir")
"""What people write before a folder of runs."""

RENAMED = {"trials": "configurations", "protocol": "evaluation"}
"""Options by what older releases called them."""

ROWS = {"to": "baseline", "baseline": "to"}
"""Options that name a row, by what other commands call them."""


def hint(option: str, known: Sequence[str]) -> str:
    """What to write instead of an option that a command does not have.

    Args:
        option: the option with its dashes.
        known: those that the command has.
    """
    from vsebench.results.tasks import tasks

    name = option.lstrip("-").replace("-", "_")
    if f"--{RENAMED.get(name)}" in known:
        return f"it is --{RENAMED[name]} now"
    if f"--{ROWS.get(name)}" in known:
        return f"write --{ROWS[name]}"
    if name in FOLDERS and f"--{name}" not in known and "--set" not in known:
        if name == "out" and "--to" in known:
            return "write --to DIR"
        if "--results" in known:
            return "write --results DIR"
        return "the folder of runs has no option: write it as it is, DIR"
    if "--set" in known:
        key = KEYS.get(name, name)
        protocols = (task.protocol.model_fields for task in tasks())
        if any(key in fields for fields in protocols) and f"--{key}" not in known:
            return f"it is a key of the protocol: write --set {key}=VALUE"
        if f"--{key}" in known and key != name:
            return f"write --{key}"
        if name in OPTIONS:
            return f"write {OPTIONS[name]}"
    # Without the dashes, which make any two short names alike
    near = nearest(name.replace("_", "-"), [each.lstrip("-") for each in known])
    return f"did you mean '--{near}'?" if near else f"known: {', '.join(sorted(known))}"


def usage_message(error: typer.TyperException) -> str:
    """What typer says of a misspelt option or a wrong value, as our own errors say it."""
    context = getattr(error, "ctx", None)
    option = getattr(error, "option_name", None)
    if option and hasattr(error, "possibilities") and context is not None:
        known = [
            name
            for parameter in context.command.params
            for name in parameter.opts
            if name.startswith("-")
        ]
        return f"'{context.command_path}' has no option '{option}': {hint(option, known)}"
    message = error.format_message().rstrip(".").replace(": Value error, ", ": ", 1)
    return message[:1].lower() + message[1:]

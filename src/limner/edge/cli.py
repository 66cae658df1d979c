"""The command line: one command per row of the verb table.

Results go to standard output, progress and errors to standard error. Exit 0 done, 1 refused or failed with one
message, 2 wrong usage.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from limner.app.verbs import VERBS, Argument, Verb
from limner.core.errors import LimnerError
from limner.edge.say import say, say_error

_TYPES: dict[str, Any] = {
    "text": str,
    "int": int,
    "path": click.Path(path_type=Path),
    "instant": str,
}


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """Run the command line; the exit code."""
    try:
        code = commands()(arguments, prog_name="limner", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return 2
    except click.UsageError as error:
        error.show()
        return 2
    except click.Abort:
        return _stopped()
    except click.exceptions.Exit as error:
        return int(error.exit_code)
    return code if isinstance(code, int) else 0


def _stopped() -> int:
    click.echo(say("door", "stopped", _language(Path())), err=True)
    return 130


def commands() -> click.Group:
    """The tree of commands, made from the table."""
    root = click.Group("limner", help="Precision marketing that proves what it changed.", no_args_is_help=True)
    root.params.append(click.Option(["--version"], is_flag=True, is_eager=True, expose_value=False, callback=_version))
    for verb in VERBS:
        if "cli" in verb.doors:
            group, name = root, verb.name
            if " " in verb.name:
                first, _, name = verb.name.partition(" ")
                group = _group(root, first)
            group.add_command(_command(verb, name))
    return root


def _version(context: click.Context, _parameter: click.Parameter, is_asked: bool) -> None:  # noqa: FBT001
    if is_asked:
        from limner import __version__

        click.echo(f"limner {__version__}")
        context.exit()


def _group(root: click.Group, name: str) -> click.Group:
    found = root.commands.get(name)
    if not isinstance(found, click.Group):
        found = click.Group(name, help=f"ask about {name}s", no_args_is_help=True)
        root.add_command(found)
    return found


def _command(verb: Verb, name: str) -> click.Command:
    parameters: list[click.Parameter] = [_parameter(argument) for argument in verb.arguments]
    if verb.needs_workspace:
        parameters.append(
            click.Option(
                ["-w", "--workspace"],
                type=click.Path(path_type=Path),
                default=Path(),
                help="the folder of the workspace (default: here)",
            )
        )
    if verb.takes_asof:
        parameters.append(click.Option(["--asof"], help="the instant nothing sees past, such as 2026-09-01"))
    parameters.append(click.Option(["--json", "as_json"], is_flag=True, help="one JSON document on standard output"))
    parameters.append(click.Option(["--quiet"], is_flag=True, help="no progress"))
    return click.Command(name, params=parameters, callback=_callback(verb), help=verb.help, short_help=verb.help)


def _parameter(argument: Argument) -> click.Parameter:
    kind = click.Choice(argument.choices) if argument.kind == "choice" else _TYPES.get(argument.kind)
    if argument.is_positional:
        return click.Argument(
            [argument.name],
            type=kind,
            required=argument.is_required,
            nargs=-1 if argument.is_many else 1,
            metavar=argument.metavar or None,
        )
    flags = {"output": ["-o", "--output"], "files": ["--from", "files"]}.get(argument.name)
    names = flags or [f"--{argument.name.replace('_', '-')}", argument.name]
    if argument.kind == "flag":
        return click.Option(names, is_flag=True, help=argument.help)
    return click.Option(
        names,
        type=kind,
        required=argument.is_required,
        multiple=argument.is_many,
        default=argument.default,
        help=argument.help,
        metavar=argument.metavar or None,
        show_default=argument.default is not None,
    )


def _callback(verb: Verb) -> Callable[..., int]:
    def call(**given: Any) -> int:
        as_json, quiet = given.pop("as_json"), given.pop("quiet")
        folder = given.get("workspace") or given.get("folder") or Path()
        try:
            return _do(verb, given, as_json=as_json, quiet=quiet)
        except LimnerError as error:
            return _failed(error, folder, as_json=as_json)
        except (KeyboardInterrupt, click.Abort):
            return _stopped()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        except Exception as error:  # noqa: BLE001 - the door: whatever comes is told in one message
            return _unexpected(error, folder)

    return call


def _do(verb: Verb, given: dict[str, Any], *, as_json: bool, quiet: bool) -> int:
    from limner.edge.progress import progress

    workspace = given.pop("workspace", None)
    with progress(is_shown=not (quiet or as_json)) as tell:
        if verb.needs_workspace:
            from limner.app.workspace import Workspace

            with Workspace(workspace, tell=tell) as shop:
                result = verb.function(shop, **given)
                return _show(result, shop.settings.workspace.locale, as_json=as_json)
        result = verb.function(**given, tell=tell)
    return _show(result, _language(Path(given.get("folder") or "")), as_json=as_json)


def _show(result: object, lang: str, *, as_json: bool) -> int:
    if result is None:
        return 0
    if as_json:
        from limner.edge.plain import as_json as written

        click.echo(written(result))
    else:
        from limner.edge.show import shown

        click.echo(shown(result, lang))
    return int(getattr(result, "exit_code", 0))


def _failed(error: LimnerError, folder: Path, *, as_json: bool) -> int:
    message = say_error(error, _language(folder))
    if as_json:
        from limner.edge.plain import as_json as written

        click.echo(written({"error": {"code": error.code, "message": message}}))
    else:
        click.echo(message, err=True)
    return 1


def _unexpected(error: Exception, folder: Path) -> int:
    if os.environ.get("LIMNER_DEBUG"):
        raise error
    state = folder / "state"
    path = (state if state.is_dir() else Path.home()) / "limner-error.log"
    try:
        path.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    except OSError:
        path = Path("-")
    message = say("door", "unexpected", _language(folder), kind=type(error).__name__, why=error, path=path)
    click.echo(message, err=True)
    return 1


def _language(folder: Path) -> str:
    """The workspace's language; outside a workspace, that of the terminal."""
    try:
        from limner.app.opening import settings_of

        return settings_of(folder).workspace.locale
    except (LimnerError, OSError):
        spoken = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
        return "zh" if spoken.lower().startswith("zh") else "en"

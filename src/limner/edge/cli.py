"""The command line: one command per row of the verb table.

Results go to standard output, progress and errors to standard error. Exit 0 done, 1 refused or failed with one
message, 2 wrong usage.
"""

from __future__ import annotations

import gc
import inspect
import os
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from limner.app.verbs import VERBS, Argument, Verb
from limner.core.errors import LimnerError, near
from limner.core.settings import WorkspaceSettings
from limner.edge.errors import STOPPED, WRONG_USAGE, exit_code, ours
from limner.edge.help import helped
from limner.edge.language import language_of, settings_here, spoken_here
from limner.edge.say import say, say_error

if TYPE_CHECKING:
    from limner.flow.sources.guesses import Question

_TYPES: dict[str, Any] = {
    "text": str,
    "int": int,
    "path": click.Path(path_type=Path),
    "instant": str,
}
_ALWAYS = (
    (("--json", "as_json"), "as_json", "one JSON document on standard output"),
    (("--quiet",), "quiet", "no progress"),
)
"""Options of every command: flags, the key of their words, and what they say in English."""


PATIENCE = 30.0
"""Seconds a command waits for a server or another command that is at work on the workspace; then it says who is."""

_GROUPS = {
    "privacy": "the rights of a person",
    "quality": "ask how good the data is",
    "identity": "ask who is one customer",
}
"""What a group of verbs is for, where more than its name must be said."""

_SELDOM = 100_000
"""Objects made between two looks for cycles: hundreds of thousands of rows pass through, and none is part of one."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit."""
    gc.set_threshold(_SELDOM)
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """Run the command line; the exit code."""
    try:
        code = commands()(arguments, prog_name="limner", standalone_mode=False)
    except click.UsageError as error:
        return _misused(error, as_json="--json" in arguments)
    except (click.Abort, KeyboardInterrupt):
        return _stopped(Path(), as_json="--json" in arguments)
    except click.exceptions.Exit as error:
        return int(error.exit_code)
    return code if isinstance(code, int) else 0


def _misused(error: click.UsageError, *, as_json: bool) -> int:
    """Wrong usage: what is wrong, what may have been meant, where help is."""
    if as_json:
        _say_json("usage", error.format_message())
    else:
        error.show()
    return WRONG_USAGE


def _stopped(folder: Path, *, as_json: bool) -> int:
    message = say("door", "stopped", language_of(folder))
    if as_json:
        _say_json("stopped", message)
    else:
        click.echo(message, err=True)
    return STOPPED


def _say_json(code: str, message: str) -> None:
    from limner.edge.plain import as_json

    click.echo(as_json({"error": {"code": code, "message": message}}))


class Helped:
    """A command whose `--help` is explained in the operator's language."""

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """The option, in our words."""
        option: click.Option | None = super().get_help_option(ctx)  # type: ignore[misc]
        if option is not None:
            option.help = helped("options", "help", option.help or "")
        return option


class Commands(Helped, click.Group):
    """A group that lists its commands in the order of the table, and names the one that may have been meant.

    What is no command of it is given to its `usual` one, if it has one.
    """

    usual = ""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of the table."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command asked for; wrong usage when there is none, with the nearest names."""
        known = self.list_commands(ctx)
        if self.usual and args and args[0] not in known and not args[0].startswith("-"):
            args = [self.usual, *args]
        if args and args[0] not in known and not args[0].startswith("-"):
            close = near(args[0], known)
            meant = f" Did you mean {' or '.join(repr(name) for name in close)}?" if close else ""
            raise click.UsageError(f"There is no command {args[0]!r}.{meant}", ctx)
        return super().resolve_command(ctx, args)


class Do(Helped, click.Command):
    """A command whose options of several values take them in a row: `--from a.csv b.csv`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments, with an option of several values said once for each of them."""
        several = {flag for p in self.params if isinstance(p, click.Option) and p.multiple for flag in p.opts}
        return super().parse_args(ctx, spread(args, several))


def spread(arguments: list[str], several: Collection[str]) -> list[str]:
    """Arguments with each option in `several` repeated before each of its values, which end at the next option.

    >>> spread(["shop", "--from", "a.csv", "b.csv", "--json"], {"--from"})
    ['shop', '--from', 'a.csv', '--from', 'b.csv', '--json']
    """
    found: list[str] = []
    option, is_first = "", False
    for argument in arguments:
        if argument in several:
            option, is_first = argument, True
        elif argument.startswith("-") and not is_first:
            option = ""
        elif option and not is_first:
            found.append(option)
        else:
            is_first = False
        found.append(argument)
    return found


def commands() -> click.Group:
    """The tree of commands, made from the table."""
    title = helped("verbs", "", "Precision marketing that proves what it changed.")
    root = Commands("limner", help=title, no_args_is_help=True)
    root.params.append(click.Option(["--version"], is_flag=True, is_eager=True, expose_value=False, callback=_version))
    for verb in VERBS:
        if "cli" in verb.doors:
            group, name = root, verb.name
            if " " in verb.name:
                first, _, name = verb.name.partition(" ")
                group = _group(root, first)
                group.usual = name if verb.is_usual else group.usual
            group.add_command(_command(verb, name))
    return root


def _version(context: click.Context, _parameter: click.Parameter, is_asked: bool) -> None:  # noqa: FBT001
    if is_asked:
        from limner import __version__

        click.echo(f"limner {__version__}")
        context.exit()


def _group(root: click.Group, name: str) -> Commands:
    found = root.commands.get(name)
    if not isinstance(found, Commands):
        found = Commands(
            name, help=helped("verbs", name, _GROUPS.get(name, f"ask about {name}s")), no_args_is_help=True
        )
        root.add_command(found)
    return found


def _command(verb: Verb, name: str) -> click.Command:
    parameters: list[click.Parameter] = [
        _parameter(verb, argument) for argument in verb.arguments if argument.kind != "rows"
    ]
    if verb.needs_workspace:
        parameters.append(
            click.Option(
                ["-w", "--workspace"],
                type=click.Path(path_type=Path),
                default=Path(),
                help=helped("options", "workspace", "the folder of the workspace (default: here)"),
            )
        )
        told = helped("options", "wait", "seconds to wait for another process that is at work on the workspace")
        parameters.append(
            click.Option(["--wait"], type=click.FloatRange(0), default=PATIENCE, help=told, show_default=True)
        )
    if verb.takes_asof:
        told = helped("options", "asof", "the instant nothing sees past, such as 2026-09-01")
        parameters.append(click.Option(["--asof"], help=told))
    for flags, key, english in _ALWAYS:
        parameters.append(click.Option(list(flags), is_flag=True, help=helped("options", key, english)))
    text = helped("verbs", verb.name, verb.help)
    return Do(name, params=parameters, callback=_callback(verb), help=text, short_help=text)


def _parameter(verb: Verb, argument: Argument) -> click.Parameter:
    kind = click.Choice(argument.choices) if argument.kind == "choice" else _TYPES.get(argument.kind)
    if argument.is_positional:
        return click.Argument(
            [argument.name],
            type=kind,
            required=argument.is_required,
            nargs=-1 if argument.is_many else 1,
            metavar=argument.metavar or None,
            **({} if argument.is_required else {"default": argument.default}),
        )
    flags = {"output": ["-o", "--output"], "files": ["--from", "files"]}.get(argument.name)
    names = flags or [f"--{argument.name.replace('_', '-')}", argument.name]
    told = helped("options", f"{verb.name}.{argument.name}", argument.help)
    if argument.kind == "flag":
        return click.Option(names, is_flag=True, help=told)
    return click.Option(
        names,
        type=kind,
        required=argument.is_required,
        multiple=argument.is_many,
        default=argument.default,
        help=told,
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
            return _stopped(folder, as_json=as_json)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        except Exception as error:  # the door: whatever comes is told in one message
            return _unforeseen(error, folder, as_json=as_json)

    return call


def _do(verb: Verb, given: dict[str, Any], *, as_json: bool, quiet: bool) -> int:
    import limner.edge.report  # noqa: F401 - the writer of reports
    from limner.edge.progress import progress

    workspace, patience = given.pop("workspace", None), given.pop("wait", 0.0)
    is_heard = not (quiet or as_json)
    if not verb.needs_workspace:
        given |= _spoken(verb, is_heard=is_heard)
    with progress(is_shown=is_heard and "ask" not in given) as tell:
        if verb.needs_workspace:
            from limner.app.workspace import Workspace

            with Workspace(workspace, tell=tell, patience=patience) as shop:
                result = verb.function(shop, **given)
                return _show(result, shop.settings.workspace, as_json=as_json)
        result = verb.function(**given, tell=tell)
    return _show(result, settings_here(Path(given.get("folder") or "")), as_json=as_json)


def _spoken(verb: Verb, *, is_heard: bool) -> dict[str, Any]:
    """What a verb that makes a workspace is told of this terminal: its language, and a way to ask, if somebody sits
    there."""
    wanted = inspect.signature(verb.function).parameters
    found: dict[str, Any] = {"locale": spoken_here()} if "locale" in wanted else {}
    if "ask" in wanted and is_heard and sys.stdin.isatty() and sys.stderr.isatty():
        found["ask"] = _ask
    return found


def _ask(question: Question) -> str:
    """Ask a person at the terminal: the file, the question and its answers by number; Enter takes the one assumed."""
    click.echo(f"\n{question.subject}: {question.words}", err=True)
    for number, option in enumerate(question.options, 1):
        click.echo(f"  {number}. {option}", err=True)
    assumed = question.options.index(question.answer) + 1
    told = say("door", "number", spoken_here() or "en")
    return str(click.prompt(told, type=OneOf(question.options), default=str(assumed), err=True))


class OneOf(click.ParamType[str]):
    """One of these answers, by its number or by its name."""

    name = "answer"

    def __init__(self, answers: Sequence[str]) -> None:
        self.answers = answers

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The answer meant.

        >>> OneOf(["实付金额", "应付金额"]).convert(" 2 ", None, None)
        '应付金额'
        """
        told = str(value).strip()
        if told in self.answers:
            return told
        if not (told.isdecimal() and 1 <= int(told) <= len(self.answers)):
            why = say("door", "no_answer", spoken_here() or "en", value=told, count=len(self.answers))
            self.fail(why, param, ctx)
        return self.answers[int(told) - 1]


def _show(result: object, settings: WorkspaceSettings, *, as_json: bool) -> int:
    if result is None:
        return 0
    if as_json:
        from limner.edge.plain import as_json as written

        click.echo(written(result))
    else:
        from limner.edge.show import shown

        click.echo(shown(result, settings.locale, currency=settings.currency, zone=settings.zone))
    return int(getattr(result, "exit_code", 0))


def _failed(error: LimnerError, folder: Path, *, as_json: bool) -> int:
    message = say_error(error, language_of(folder))
    if as_json:
        _say_json(error.code, message)
    else:
        click.echo(message, err=True)
    return exit_code(error)


def _unforeseen(error: Exception, folder: Path, *, as_json: bool) -> int:
    from limner.edge.unexpected import unexpected

    known = ours(error) if isinstance(error, OSError) else None
    if known is not None:
        return _failed(known, folder, as_json=as_json)
    message = unexpected(error, folder, language_of(folder))
    if as_json:
        _say_json("unexpected", message)
    else:
        click.echo(message, err=True)
    return 1


if __name__ == "__main__":
    main()

"""`apply`, `diff`, `check` and `init`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from limner.edge.say import say_error
from limner.edge.show.lines import blocks, clean, pairs, reasons
from limner.edge.show.registry import shows
from limner.edge.voice import Voice

if TYPE_CHECKING:
    from limner.app.applying import Changes
    from limner.app.checking import Checked
    from limner.app.starting import Made


@shows("limner.app.applying:Changes")
def changes(found: Changes, voice: Voice) -> str:
    """One line per definition that changes: + added, ~ changed, - removed, ! changed on both sides."""
    lists = (("+", found.added), ("~", found.changed), ("-", found.removed), ("!", found.clashes), ("=", found.kept))
    lines = [f"{mark} {clean(name)}" for mark, names in lists for name in names]
    if not lines:
        return voice.say("no_changes", count=voice.count(found.unchanged))
    counts = {name: len(getattr(found, name)) for name in ("added", "changed", "removed", "clashes", "kept")}
    told = [voice.say(f"changes_{name}", count=voice.count(count)) for name, count in counts.items() if count]
    told.append(voice.say("changes_unchanged", count=voice.count(found.unchanged)))
    return blocks(*lines, voice.say("sep").join(told))


@shows("limner.app.starting:Made")
def made(found: Made, voice: Voice) -> str:
    """The files written, what was guessed in them, and the commands to run next."""
    drafts = [str(draft) for draft in found.drafts]
    head = voice.say("made_from_pack" if found.pack else "made", folder=found.folder, pack=found.pack)
    files = [f"  {clean(name)}" for name in found.files]
    return blocks(head, *files, *drafts, voice.say("then"), *(f"  {command}" for command in found.then))


@shows("limner.app.checking:Checked")
def checked(found: Checked, voice: Voice) -> str:
    """What is wrong first, then what became of the rows and whether the money adds up."""
    rows, money = found.intake, found.reconciled
    facts = pairs(
        [
            (voice.say("definitions"), voice.count(found.definitions)),
            (voice.say("rows"), voice.count(rows.rows)),
            (voice.say("used"), voice.count(rows.used)),
            (voice.say("anonymous_rows"), voice.count(rows.anonymous) if rows.anonymous else None),
            (voice.say("cancelled"), voice.count(rows.cancelled) if rows.cancelled else None),
            (voice.say("rejected"), _rejected(found, voice)),
            (voice.say("paid"), voice.money(money.paid, digits=2)),
            (voice.say("refunded"), voice.money(money.refunded, digits=2)),
            (voice.say("net"), voice.money(money.net, digits=2)),
            (voice.say("difference"), None if money.difference is None else voice.money(money.difference, digits=2)),
        ]
    )
    mistakes = [f"✗ {clean(say_error(error, voice.lang))}" for error in found.problems]
    findings = [_finding(one, voice) for one in found.findings]
    verdict = voice.say("check_wrong" if found.exit_code else "check_right")
    behind = voice.say("check_behind") if found.is_behind else ""
    return blocks(*mistakes, *findings, facts, behind, verdict)


def _rejected(found: Checked, voice: Voice) -> str:
    rejected = found.intake.rejected
    total = voice.count(found.intake.rejected_rows)
    return voice.say("total_by_reason", total=total, reasons=reasons(rejected, "rejects", voice)) if rejected else total


def _finding(one: object, voice: Voice) -> str:
    mark = {"error": "✗", "wrong": "✗", "warning": "!"}.get(getattr(one, "level", ""), "·")
    words = voice.word("findings", str(getattr(one, "check", "")), otherwise=str(getattr(one, "words", "")))
    values = {"count": getattr(one, "count", 0), "of": getattr(one, "of", 0), "subject": getattr(one, "subject", "")}
    more = dict(getattr(one, "values", {}))
    if "reason" in more:
        more["reason"] = voice.word("rejects", str(more["reason"]), otherwise=str(more["reason"]))
    return f"{mark} {clean(words.format_map(_Gaps({**more, **values})))}"


class _Gaps(dict[str, object]):
    """Values by name; a name without one stands as it is."""

    def __missing__(self, key: str) -> str:
        return "{" + key + "}"

"""Every verb over planted phones and e-mails: none of them says one, and none lies anywhere but in the vault."""

import contextlib
import io
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from limner.app.verbs import VERBS
from limner.edge.cli import run
from small_shop import built_shop

PHONE, MAIL = "13911112222", "zhao.liu@planted.example.com"
SPOKEN = (PHONE, MAIL, "139-1111-2222", "１３９１１１１２２２２")

ASKED = {
    "apply": ["apply"],
    "diff": ["diff"],
    "export": ["export", "--folder", "out"],
    "collect": ["collect"],
    "loads": ["loads"],
    "run": ["run", "--asof", "2026-09-01"],
    "tag show": ["tag", "orders"],
    "why": ["why", "orders", f"phone:{PHONE}"],
    "lifecycle": ["lifecycle"],
    "audience count": ["audience", "count", "buyers"],
    "audience list": ["audience", "list", "buyers", "-o", "list.csv"],
    "audience show": ["audience", "show", "buyers"],
    "audience overlap": ["audience", "overlap", "buyers", "orders >= 2"],
    "audience portrait": ["audience", "portrait", "buyers"],
    "audience explain": ["audience", "explain", "buyers"],
    "audience estimate": ["audience", "estimate", "buyers"],
    "audience funnel": ["audience", "funnel", "orders >= 1 and orders >= 2"],
    "audience changes": ["audience", "changes", "buyers"],
    "audience venn": ["audience", "venn", "buyers", "orders >= 2"],
    "audience freeze": ["audience", "freeze", "kept"],
    "audience layers": ["audience", "layers"],
    "audience worth": ["audience", "worth", "buyers", "orders >= 2", "--values", "orders"],
    "audience clusters": ["audience", "clusters", "groups"],
    "audience lookalike": ["audience", "lookalike", "alike"],
    "audience export": ["audience", "export", "buyers", "-o", "out.csv"],
    "customer show": ["customer", "show", f"phone:{PHONE}"],
    "consent show": ["consent", "show", f"email:{MAIL}"],
    "consent list": ["consent", "list", "-o", "consents.csv"],
    "consent grant": ["consent", "grant", f"phone:{PHONE}", "--channel", "mail", "--proof", f"{MAIL} wrote"],
    "consent refuse": ["consent", "refuse", f"phone:{PHONE}", "--channel", "sms", "--proof", f"{PHONE} called"],
    "plan": ["plan", "autumn"],
    "launch": ["launch", "1"],
    "explain": ["explain", "1", f"phone:{PHONE}"],
    "measure": ["measure", "autumn"],
    "report": ["report", "-o", "report.html"],
    "check": ["check"],
    "privacy restrict": ["privacy", "restrict", f"phone:{PHONE}", "--why", f"{MAIL} asked"],
    "privacy hold": ["privacy", "hold", f"phone:{PHONE}", "--why", f"{PHONE} sues"],
    "privacy hold lifted": ["privacy", "hold", f"phone:{PHONE}", "--lift", "--why", "withdrawn"],
    "privacy erase": ["privacy", "erase", f"phone:{PHONE}", "--yes"],
    "privacy rekey": ["privacy", "rekey"],
    "privacy retain": ["privacy", "retain", "--yes"],
    "withdraw": ["withdraw", "1"],
}
MAY_REFUSE = {"audience lookalike", "launch", "explain", "measure", "privacy erase"}
"""Verbs that find nothing to say here, or that cannot be done twice: their refusals are read too."""
NOBODY = [["customer", "show", "phone:13933334444"], ["consent", "show", "email:nobody.here@planted.example.com"],
          ["explain", "1", "phone:13933334444"], ["privacy", "erase", "phone:13933334444", "--yes"]]  # fmt: skip


AUDIENCES = """
- {id: kept, rule: orders >= 1, is_frozen: true}
- {id: groups, selector: clusters, options: {columns: [orders, net_spend], k: 2}}
- {id: alike, selector: look_alike, options: {seeds: buyers, size: 5, reachable: none}}
"""


def said(arguments, folder, *, as_json, may_refuse=False):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run([*arguments, "-w", str(folder), *(["--json"] if as_json else [])])
    assert code == 0 or may_refuse, out.getvalue() + err.getvalue()
    return out.getvalue() + err.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A shop whose files name somebody in every way people write addresses, also where they do not belong."""
    home = built_shop(tmp_path_factory.mktemp("planted") / "shop")
    members = home / "data" / "members.csv"
    text = members.read_text(encoding="utf-8-sig")
    text += (
        f"M90,{SPOKEN[2]},{MAIL},上海,赵六,2025-01-05\nM91,{SPOKEN[3]},not-an-address {PHONE},杭州,钱七,2025-02-30\n"
    )
    text += f"M90,{PHONE} {PHONE},{MAIL} {MAIL},北京,孙八,{PHONE}\n"
    members.write_text(text, encoding="utf-8-sig")
    (home / "data" / "consents.csv").open("a", encoding="utf-8").write("M90,2025-01-05\n")
    (home / "data" / "orders.csv").open("a", encoding="utf-8").write(f"O90,M90,{PHONE},99.5\n")
    (home / "audiences" / "more.yaml").write_text(AUDIENCES, encoding="utf-8")
    (home / "retention").mkdir()
    (home / "retention" / "rules.yaml").write_text(
        "- {id: lines, over: lines, months: 1}\n- {id: rest, over: addresses, months: 120}\n", encoding="utf-8"
    )
    return home


def test_no_verb_says_an_address(folder, monkeypatch):
    monkeypatch.chdir(folder)
    heard = {}
    for name, arguments in ASKED.items():
        refuses = name in MAY_REFUSE
        heard[name] = "".join(said(arguments, folder, as_json=form, may_refuse=refuses) for form in (False, True))
    for arguments in NOBODY:
        heard[" ".join(arguments[:2]) + " of nobody"] = said(arguments, folder, as_json=False, may_refuse=True)
    spoken = (*SPOKEN, "13933334444", "nobody.here@planted")
    assert {name: word for name, text in heard.items() for word in spoken if word in text} == {}
    left = [path for path in folder.rglob("*") if path.is_file() and path.parent.name != "data"]
    words = [word.encode() for word in spoken]
    assert [str(path) for path in left if any(word in path.read_bytes() for word in words)] == []
    assert [
        str(path) for path in left if path.suffix == ".parquet" and any(word in columns(path) for word in spoken)
    ] == []


def columns(path: Path) -> str:
    """Everything a file of the lake says, as text."""
    return json.dumps(pq.read_table(path).to_pylist(), default=str, ensure_ascii=False)


def test_every_verb_of_this_kind_is_asked():
    """A verb that names persons belongs on the list."""
    names = {verb.name for verb in VERBS if verb.needs_workspace and "cli" in verb.doors}
    apart = {"serve", "privacy export"}  # it writes for the person; what it masks has tests of its own
    of_persons = {
        name for name in names if name.split()[0] in ("customer", "consent", "privacy", "explain", "why", "audience")
    }
    assert of_persons - apart - set(ASKED) == set()

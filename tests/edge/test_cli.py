"""The command line: one message per mistake, one JSON document, exit codes, Chinese names, nothing half-written."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from limner.app.verbs import VERBS
from limner.edge import cli
from limner.edge.cli import run, spread
from small_shop import built_shop, write_shop


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop that is collected and built; read by tests, written by none."""
    return built_shop(tmp_path_factory.mktemp("built") / "shop")


@pytest.fixture
def shop(built: Path, tmp_path: Path) -> Path:
    """A copy of it, to change."""
    return Path(shutil.copytree(built, tmp_path / "shop"))


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """What went to standard error; nothing went to standard output, and no traceback anywhere."""
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    return err


def document(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    """The one JSON document on standard output; nothing on standard error."""
    out, err = capsys.readouterr()
    assert err == ""
    return dict(json.loads(out))


# ---------------------------------------------------------------------------------------------- usage


def test_help_names_every_command_in_the_order_of_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    out = capsys.readouterr().out
    first = [verb.name.split()[0] for verb in VERBS if "cli" in verb.doors]
    listed = [line.split()[0] for line in out.split("Commands:")[1].splitlines() if line[:3].strip()]
    assert list(dict.fromkeys(first)) == listed


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["aplly"], "'apply'"),
        (["audience", "cuont", "x"], "'count'"),
        (["run", "--asfo", "2026-09-01"], "--asof"),
        (["tag", "orders", "--sql", "sparc"], "spark"),
    ],
)
def test_a_misspelt_word_is_wrong_usage_with_a_suggestion(
    arguments: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    assert meant in said(capsys)


@pytest.mark.parametrize(
    "arguments", [["plan"], ["launch", "x"], ["withdraw"], ["explain", "1"], ["audience", "count"]]
)
def test_wrong_usage_is_two_also_as_json(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    assert "Usage:" in said(capsys)
    assert run([*arguments, "--json"]) == 2
    assert document(capsys)["error"]["code"] == "usage"  # type: ignore[index]


def test_an_option_of_several_values_takes_them_in_a_row() -> None:
    assert spread(["orders", "--file", "a", "b", "-w", "x"], {"--file"}) == [
        "orders", "--file", "a", "--file", "b", "-w", "x",
    ]  # fmt: skip


# ---------------------------------------------------------------------------------------------- answers


def test_here_is_the_default_workspace_and_names_may_be_chinese(
    built: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(built)
    assert run(["audience", "count", "买过的人", "--json"]) == 0
    assert document(capsys)["count"] == 40
    assert run(["audience", "count", "订单数 >= 2", "--json"]) == 0
    assert document(capsys)["count"] == 30


@pytest.mark.parametrize(
    ("arguments", "fields"),
    [
        (["audience", "count", "orders >= 2"], {"count", "asof", "elapsed_ms"}),
        (["audience", "overlap", "orders >= 2", "买过的人"], {"names", "shared"}),
        (["customer", "show", "member_no:M7"], {"customer_id", "traits", "tags"}),
        (["tag", "订单数"], {"id", "over", "reads"}),
        (["diff"], {"added", "unchanged"}),
    ],
)
def test_json_is_one_document_with_its_fields(
    arguments: list[str], fields: set[str], built: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*arguments, "-w", str(built), "--json"]) == 0
    assert fields <= document(capsys).keys()


def test_collect_and_plan_say_what_the_issue_of_json_promises(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["collect", "-w", str(shop), "--json"]) == 0
    assert {"rows", "used", "rejected", "unchanged"} <= document(capsys).keys()
    assert run(["plan", "秋天", "-w", str(shop), "--json"]) == 0
    found = document(capsys)
    assert {"plan_id", "audience", "granted", "held_out", "refused", "cost"} <= found.keys()
    assert found["audience"] == 40


def test_a_customer_shows_no_address(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["customer", "show", "member_no:M7", "-w", str(built), "--json"]) == 0
    out = capsys.readouterr().out
    assert "m7@example.com" not in out
    assert "13800000007" not in out


# ---------------------------------------------------------------------------------------------- mistakes


def fails(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one message of a command that fails, the same text in JSON."""
    assert run([*arguments, "--json"]) == 1
    error = document(capsys)["error"]
    assert run(arguments) == 1
    message = said(capsys).strip()
    assert error["message"] == message  # type: ignore[index]
    return message


def test_no_workspace(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    message = fails(["run", "-w", str(tmp_path / "none")], capsys)
    assert "limner init" in message
    assert list(tmp_path.iterdir()) == []


def test_broken_yaml_says_line_and_column(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shop / "audiences" / "buyers.yaml").write_text("rule: orders >= 1\nname: [买过\n", encoding="utf-8")
    message = fails(["apply", "-w", str(shop)], capsys)
    assert "audiences/buyers.yaml" in message
    assert "line 3, column 1" in message


@pytest.mark.parametrize(
    ("file", "text", "wanted"),
    [
        ("audiences/buyers", "rule: ordres >= 1", ["audiences/buyers", "'ordres'", "'orders'", "1:1"]),
        ("audiences/buyers", "rule: orders >= 1 adn orders < 9", ["audiences/buyers", "'adn'", "'and'", "column 13"]),
        ("audiences/buyers", "rul: orders >= 1", ["audiences/buyers.yaml", "'rul'", "'rule'"]),
        ("audiences/self", "rule: in audience(self)", ["audiences/self", "self → self"]),
        ("tags/big", "sql: max(amuont)", ["tags/big", "'amuont'", "'amount'"]),
        ("tags/big", "sql: read_csv('/etc/passwd')", ["tags/big", "read_csv"]),
        ("offers/hello", "content: {mail: {subject: x, text: '{{ ciyt }}'}}", ["offers/hello", "'ciyt'", "'city'"]),
        ("offers/hello", "content: {mial: {subject: x, text: y}}", ["offers/hello", "'mial'", "'mail'"]),
        ("channels/mail", "kind: smpt", ["channels/mail", "'smpt'", "'smtp'"]),
        ("policies/default", "quiet_start: '25:00'", ["policies/default", "'25:00'", "21:00"]),
        ("sources/orders", "events: []", ["orders", "what it means"]),
        ("models/buy", "features: [odrers]", ["models/buy", "'odrers'", "'orders'"]),
        ("models/buy", "event: Order Complted", ["models/buy", "'Order Complted'", "'Order Completed'"]),
    ],
)
def test_a_wrong_definition_names_place_value_and_what_was_meant(
    file: str, text: str, wanted: list[str], shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (shop / file).parent.mkdir(exist_ok=True)
    (shop / f"{file}.yaml").write_text(text + "\n", encoding="utf-8")
    assert run(["apply", "-w", str(shop)]) == 1
    message = said(capsys)
    assert [part for part in wanted if part not in message] == []


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (("audience: buyers", "audience: buyer"), ["'buyer'", "'buyers'"]),
        (("offers: [hello]", "offers: [helo]"), ["'helo'", "'hello'"]),
        (("channels: [mail]", "channels: [mial]"), ["'mial'", "'mail'"]),
        (("2099-01-01T00:00", "2025-01-01T00:00"), ["window", "2025", "before"]),
        (("holdout: 0.2", "holdout: 20"), ["holdout", "20", "share"]),
        (("name: 秋天", "policy: defalt"), ["'defalt'", "'default'"]),
        (("channels: [mail]", "channels: [desk]"), ["'desk'", "'customer_no'", "identifiers/customer_no.yaml"]),
    ],
)
def test_a_campaign_refers_to_what_there_is(
    change: tuple[str, str], wanted: list[str], shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (shop / "channels" / "desk.yaml").write_text("kind: file\naddress: customer_no\n", encoding="utf-8")
    path = shop / "campaigns" / "autumn.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    message = fails(["apply", "-w", str(shop)], capsys)
    assert "campaigns/autumn" in message
    assert [part for part in wanted if part not in message] == []


def test_every_mistake_is_told_at_once_and_nothing_is_applied(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shop / "audiences" / "more.yaml").write_text(
        "- {id: a, rule: ordres > 1}\n- {id: b, rule: orders > }\n", encoding="utf-8"
    )
    assert run(["apply", "-w", str(shop)]) == 1
    message = said(capsys)
    assert message.startswith("2 mistakes")
    assert "audiences/a" in message
    assert "audiences/b" in message
    (shop / "audiences" / "more.yaml").unlink()
    assert run(["diff", "-w", str(shop), "--json"]) == 0
    assert document(capsys)["added"] == []


def test_unknown_names(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "'orders'" in fails(["tag", "ordres", "-w", str(shop)], capsys)
    assert "'autumn'" in fails(["plan", "autum", "-w", str(shop)], capsys)
    assert "'orders'" in fails(["collect", "ordrs", "-w", str(shop)], capsys)
    assert "M999" in fails(["customer", "show", "member_no:M999", "-w", str(shop)], capsys)
    assert "7" in fails(["launch", "7", "-w", str(shop)], capsys)
    assert "9" in fails(["withdraw", "9", "-w", str(shop)], capsys)
    assert "2026-13-01" in fails(["run", "--asof", "2026-13-01", "-w", str(shop)], capsys)


def test_an_unknown_column_in_a_mapping(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop = write_shop(tmp_path / "shop", 5)
    path = shop / "sources" / "orders.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("amount: 实付", "amount: 实付金额"), encoding="utf-8")
    message = fails(["apply", "-w", str(shop), "--quiet"], capsys)
    assert [part for part in ("orders.csv", "'实付金额'", "'实付'") if part not in message] == []


def test_a_mail_server_that_is_down(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "autumn", "-w", str(shop), "--json"]) == 0
    plan_id = document(capsys)["plan_id"]
    for _ in range(2):  # and the next run goes on where it stopped: nothing is lost, nothing doubled
        assert run(["launch", str(plan_id), "-w", str(shop)]) == 1
        message = said(capsys)
        assert "127.0.0.1" in message
        assert "queued" in message


def test_ctrl_c_says_that_it_goes_on(
    built: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("limner.app.running.run", interrupted)
    assert run(["run", "-w", str(built)]) == 130
    assert "Stopped" in said(capsys)
    assert run(["run", "-w", str(built), "--json"]) == 130
    assert document(capsys)["error"]["code"] == "stopped"  # type: ignore[index]


def test_what_nobody_foresaw_is_one_message_and_a_file(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.delenv("LIMNER_DEBUG", raising=False)
    monkeypatch.setattr("limner.app.running.run", broken)
    assert run(["run", "-w", str(shop)]) == 1
    assert "ZeroDivisionError: oh" in said(capsys)
    assert "Traceback" in (shop / "state" / "limner-error.log").read_text(encoding="utf-8")


def test_a_place_that_cannot_be_written_is_named(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message = fails(["audience", "list", "orders >= 1", "-o", "/nowhere/at/all.csv", "-w", str(built)], capsys)
    assert "/nowhere/at" in message


def test_errors_are_said_in_the_language_of_the_workspace(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = shop / "limner.toml"
    path.write_text(path.read_text(encoding="utf-8").replace('"en"', '"zh"'), encoding="utf-8")
    assert run(["plan", "autum", "-w", str(shop)]) == 1
    assert "您是想写" in said(capsys)


# ---------------------------------------------------------------------------------------------- weight


HEAVY = ("duckdb", "pyarrow", "sqlalchemy", "numpy", "sqlglot", "fastapi", "pydantic", "scipy", "pyroaring")


def loaded(code: str) -> set[str]:
    """The heavy modules that stand in memory after some code ran in a fresh Python."""
    script = f"{code}\nimport sys\nsys.stderr.write(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stderr.split()) & {*HEAVY, "click", "rich", "yaml"}


def test_importing_limner_is_light() -> None:
    assert loaded("import limner") == set()
    assert loaded("import limner\nlimner.open") == set()


def test_help_and_a_missing_workspace_load_no_engine() -> None:
    for arguments in (["--help"], ["run", "--help"], ["run", "-w", "/nowhere"]):
        code = "from limner.edge.cli import run\nimport contextlib, io\n"
        code += "with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):\n"
        code += f"    run({arguments!r})"
        assert loaded(code) & set(HEAVY) == set()


def test_the_door_is_a_script() -> None:
    assert cli.main.__module__ == "limner.edge.cli"

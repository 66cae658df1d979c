"""A person erased: gone from every store at once, proven, not to be brought back, and everybody else as before."""

import csv
from datetime import UTC, datetime, timedelta

import pytest
import sqlglot
from sqlalchemy import func, insert, select, update

from limner.app.workspace import Workspace
from limner.core.actor import Actor
from limner.core.errors import BadInput, Broken, NotFound, Refused
from limner.store.ledger import erasures
from limner.store.ledger.tables import audit, consents, outbox, tombstones, touches
from small_shop import built_shop, write_shop

NOW = datetime(2026, 9, 1, 2, tzinfo=UTC)
WHO, PHONE, MAIL = "member_no:M13", "13800000013", "m13@example.com"


def opened(folder, **more):
    moments = iter(NOW + timedelta(seconds=n) for n in range(100_000))
    return Workspace(folder, clock=lambda: next(moments), **more)


@pytest.fixture
def shop(tmp_path):
    with opened(built_shop(tmp_path / "shop")) as found:
        yield found


def ask(shop, sql):
    return shop.stores.lake.table(sqlglot.parse_one(sql, dialect="duckdb")).to_pylist()


def bytes_of(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file() and ".db" not in path.name}


def test_a_dry_run_says_what_would_go_and_changes_nothing(shop):
    before = bytes_of(shop.folder)
    found = shop.privacy.erase(WHO)
    assert found.is_dry
    assert found.identifiers == {"member_no": 1, "phone": 1, "email": 1}
    assert found.lake["events"] == 2
    assert found.ledger == {"consents": 1}
    assert bytes_of(shop.folder) == before
    assert shop.customer(WHO).show().number


def test_an_erased_person_is_nowhere_and_stays_away(shop):
    found = shop.privacy.erase(WHO, yes=True, why="letter of 1 September, 13800000013")
    assert found.proof.is_clean
    assert found.proof.outside == ("data/members.csv",)
    for word in (PHONE, MAIL):
        assert [p.name for p in shop.folder.rglob("*") if p.is_file() and word.encode() in p.read_bytes()] == [
            "members.csv"
        ]
    for name in (WHO, f"phone:{PHONE}"):
        with pytest.raises(NotFound):
            shop.customer(name).show()
    for other in ("member_no:M1", "member_no:M2"):  # versions share columns, and after the first one not what is known
        assert shop.privacy.erase(other, yes=True).proof.is_clean
    with shop.stores.ledger.read() as connection:
        assert connection.execute(select(func.count()).select_from(tombstones)).scalar_one() == 9
        bodies = connection.execute(select(audit.c.body).where(audit.c.verb == "privacy erase")).scalars().all()
    assert len(bodies) == 3
    assert not any(PHONE in body or MAIL in body for body in bodies)


def test_a_file_that_brings_the_person_back_is_a_reject(shop):
    shop.privacy.erase(WHO, yes=True)
    members = shop.folder / "data" / "members.csv"
    members.write_text(members.read_text(encoding="utf-8-sig") + "\n", encoding="utf-8-sig")
    counts = shop.collect(source="members").counts
    assert counts.rejected == {"erased on request": 1}
    shop.run("2026-09-01")
    assert len(shop.stores.gallery.version(shop.run("2026-09-01").version).living) == 39
    assert ask(shop, "SELECT count(*) AS n FROM traces")[0]["n"] == 39 * 3 - 1  # M0 has a placeholder for a phone


def test_another_person_with_a_phone_of_the_erased_loses_only_the_phone(shop):
    shop.privacy.erase(WHO, yes=True)
    more = shop.folder / "data" / "more.csv"
    more.write_text(
        f"会员号,手机号,邮箱,城市,姓名,入会日期\nM77,{PHONE},m77@example.com,杭州,赵,2026-08-01\n", encoding="utf-8"
    )
    counts = shop.collect(more, source="members").counts
    assert (counts.used, counts.values) == (1, {"erased on request": 1})
    assert (
        ask(shop, "SELECT count(*) AS n FROM identifiers WHERE load = (SELECT max(load) FROM identifiers)")[0]["n"] == 2
    )


def test_money_and_messages_add_up_as_before(shop):
    plan = shop.plan("autumn")
    with pytest.raises(Broken, match="does not take messages"):
        plan.launch()
    gone = next(f"member_no:M{n}" for n in range(11, 40) if plan.explain(f"member_no:M{n}").answer == "granted")
    with shop.stores.ledger.write() as connection:
        number = shop.customer(gone).show().number
        connection.execute(update(outbox).where(outbox.c.number == number).values(state="handed_over"))
        row = connection.execute(select(outbox).where(outbox.c.number == number)).mappings().one()
        kept = {name: row[name] for name in row if name in touches.c} | {"touch_id": 1, "handed_over_at": NOW}
        connection.execute(insert(touches).values(**kept, attempts=1))
    before = sums(shop)
    found = shop.privacy.erase(gone, yes=True)
    assert found.proof.is_clean
    assert found.ledger["outbox"] == 1
    assert sums(shop) == before
    nobody = ask(shop, "SELECT * FROM events WHERE trace IS NULL")
    assert {(one["order_id"], one["session"], one["extra"]) for one in nobody} == {(None, None, None)}
    assert {one["happened_at"].astimezone(shop.settings.zone).hour for one in nobody} == {0}
    with shop.stores.ledger.read() as connection:
        message = connection.execute(
            select(outbox.c.parameters, outbox.c.message_key).where(outbox.c.number == 0)
        ).one()
    assert message.parameters == "{}"
    assert message.message_key != row["message_key"]
    shop.run("2026-09-01")
    assert sums(shop) == before


def sums(shop):
    with shop.stores.ledger.read() as connection:
        costs = connection.execute(select(func.count(), func.sum(outbox.c.cost))).one()
        sent = connection.execute(select(func.count(), func.sum(touches.c.cost))).one()
    money = ask(
        shop, "SELECT name, day, count(*) AS n, sum(amount) AS money FROM events GROUP BY name, day ORDER BY name, day"
    )
    decided = ask(
        shop, "SELECT answer, count(*) AS n, sum(cost) AS cost FROM decisions GROUP BY answer ORDER BY answer"
    )
    return tuple(costs), tuple(sent), money, decided


def test_what_waits_to_be_sent_is_released(shop):
    plan = shop.plan("autumn")
    with pytest.raises(Broken, match="does not take messages"):
        plan.launch()
    gone = next(f"member_no:M{n}" for n in range(11, 40) if plan.explain(f"member_no:M{n}").answer == "granted")
    shop.privacy.erase(gone, yes=True)
    with shop.stores.ledger.read() as connection:
        rows = connection.execute(select(outbox.c.state, outbox.c.reason).where(outbox.c.number == 0)).all()
    assert [tuple(row) for row in rows] == [("released", "erased")]


class Cut(Exception):
    """The power went."""


STEPS = {
    "after the first commit": "limner.store.gallery.gallery.Gallery.sweep",
    "before the lake": "limner.store.lake.duckdb.DuckLake.erase",
    "within the lake": "limner.store.lake.duckdb.DuckLake._remove",
    "before the ledger": "limner.store.ledger.erasures.scrub",
    "before the vault": "limner.store.vault.Vault.destroy",
    "before the proof": "limner.app.privacy.erasing._proved",
    "before the end": "limner.store.ledger.erasures.finish",
}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS.keys())
def test_an_erasure_cut_off_anywhere_masks_at_once_and_goes_on(tmp_path, monkeypatch, step):
    folder = built_shop(tmp_path / "shop")
    orders = "SELECT count(*) AS n FROM events WHERE order_id LIKE 'O13-%'"

    def cut(*_, **__):
        raise Cut

    with opened(folder) as shop:
        assert ask(shop, orders)[0]["n"] == 2
        with monkeypatch.context() as cutting:
            cutting.setattr(step, cut)
            with pytest.raises(Cut):
                shop.privacy.erase(WHO, yes=True)
        assert ask(shop, orders)[0]["n"] == 0
    with opened(folder) as shop:  # another process
        assert ask(shop, orders)[0]["n"] == 0
        with pytest.raises(NotFound):
            shop.consent(WHO).show()
        found = shop.privacy.erase()
        assert found.proof.is_clean
        assert len(found.resumed) == 1
        assert erasures.running(shop.stores.ledger) == ()
        assert shop.run("2026-09-01").customers == 39
    assert not any(PHONE.encode() in p.read_bytes() for p in (folder / "state").rglob("*") if p.is_file())


def test_a_run_finishes_what_was_cut_off(tmp_path, monkeypatch):
    def cut(*_, **__):
        raise Cut

    with opened(built_shop(tmp_path / "shop")) as shop:
        with monkeypatch.context() as cutting:
            cutting.setattr("limner.store.ledger.erasures.scrub", cut)
            with pytest.raises(Cut):
                shop.privacy.erase(WHO, yes=True)
        shop.run("2026-09-01")
        assert erasures.running(shop.stores.ledger) == ()
        with pytest.raises(BadInput, match="Say who"):
            shop.privacy.erase()


def test_everybody_else_is_as_if_the_person_had_never_been(tmp_path):
    built_shop(tmp_path / "one")
    without = write_shop(tmp_path / "two")
    leave_out(without / "data", "M13")
    with opened(tmp_path / "one") as shop:
        shop.privacy.erase(WHO, yes=True)
        shop.run("2026-09-01")
        found = portraits(shop)
    with opened(without) as shop:
        shop.apply()
        shop.collect()
        shop.run("2026-09-01")
        expected = portraits(shop)
    assert found == expected
    assert len(found) == 39


def leave_out(folder, member):
    for path in folder.glob("*.csv"):
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file) if member not in row]
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file).writerows(rows)


def portraits(shop):
    """Traits, tags, consents and audiences of every member, by member number."""
    from limner.app.asking import members_of
    from limner.app.grounds import portrait_of

    version = portrait_of(shop)
    buyers = members_of(shop, "buyers", version)
    found = {}
    for n in range(40):
        try:
            one = shop.customer(f"member_no:M{n}").show()
        except NotFound:
            continue
        states = [(s.channel, s.state, s.by.happened_at) for s in shop.consent(f"member_no:M{n}").show().standings]
        found[n] = (one.traits, one.tags, one.consents, states, one.number in buyers)
    return found


def test_what_was_drained_is_not_kept_to_be_looked_at(shop):
    part = shop.stores.stream.folder / "host-0"
    part.mkdir(parents=True)
    (part / "000000000001.drained").write_bytes(b"sealed")
    (part / "000000000002.closed").write_bytes(b"sealed")
    shop.privacy.erase(WHO, yes=True)
    assert [path.name for path in part.iterdir()] == ["000000000002.closed"]


def test_a_hold_stands_in_the_way_until_it_is_lifted(shop):
    shop.privacy.hold(WHO, why="a dispute")
    with pytest.raises(Refused, match="must be kept: a dispute"):
        shop.privacy.erase(WHO, yes=True)
    shop.privacy.hold(WHO, why="settled", lift=True)
    assert shop.privacy.erase(WHO, yes=True).proof.is_clean


def test_it_takes_a_role(shop):
    other = shop.acting(Actor("ann", frozenset({"analyst"})))
    for asked in (lambda: other.privacy.erase(WHO), lambda: other.privacy.export(WHO, shop.folder / "x")):
        with pytest.raises(Refused, match="needs the role `personal`"):
            asked()
    masked = shop.acting(Actor("bea", frozenset({"personal"})))
    assert masked.privacy.export(WHO, shop.folder / "bea").is_masked
    assert PHONE not in "".join(p.read_text(encoding="utf-8-sig") for p in (shop.folder / "bea").iterdir())


def test_an_export_holds_everything_and_goes_with_the_person(shop):
    shop.consent(WHO).refuse("mail", proof="a letter")
    found = shop.privacy.export(WHO, shop.folder / "out")
    assert not found.is_masked
    assert found.rows["events"] == 2
    assert found.rows["consents"] == 2
    text = (shop.folder / "out" / "person.json").read_text(encoding="utf-8")
    assert PHONE in text
    assert MAIL in text
    assert "王13" in text
    erased = shop.privacy.erase(WHO, yes=True)
    assert erased.lists == (str(shop.folder / "out"),)
    assert not (shop.folder / "out").exists()
    with shop.stores.ledger.read() as connection:
        assert (
            connection.execute(select(audit.c.body).where(audit.c.verb == "consent refuse"))
            .scalar_one()
            .count("letter")
            == 0
        )
        assert connection.execute(select(func.count()).select_from(consents)).scalar_one() == 39


def test_lists_lose_the_person_and_keep_the_others(shop):
    shop.consent().list(output=shop.folder / "audit.csv")
    mine = shop.customer(WHO).show().customer_id
    assert mine in (shop.folder / "audit.csv").read_text(encoding="utf-8-sig")
    shop.privacy.erase(WHO, yes=True)
    text = (shop.folder / "audit.csv").read_text(encoding="utf-8-sig")
    assert mine not in text
    assert len(text.splitlines()) == 40


def plant_audit(shop):
    with shop.stores.ledger.write() as connection:
        row = {"seq": 999, "happened_at": NOW, "actor": "x", "verb": "note", "body": f"call {PHONE}"}
        connection.execute(insert(audit).values(**row))


def plant_event(shop):
    import pyarrow as pa

    row = {"name": "Page Viewed", "happened_at": NOW, "day": 1, "trace": None, "extra": f'{{"to": "+86{PHONE}"}}'}
    shop.stores.lake.append("events", "planted", pa.Table.from_pylist([row]).cast(planted_schema(pa)))


def planted_schema(pa):
    kinds = {"name": pa.string(), "happened_at": pa.timestamp("us", tz="UTC"), "day": pa.int32(), "trace": pa.int32()}
    return pa.schema([*kinds.items(), ("extra", pa.string())])


def plant_file(shop):
    (shop.stores.gallery.folder / "left.json").write_text(f'["{PHONE}"]')


@pytest.mark.parametrize("plant", [plant_audit, plant_event, plant_file])
def test_the_proof_finds_what_was_left(shop, plant):
    plant(shop)
    found = shop.privacy.erase(WHO, yes=True)
    assert found.exit_code == 1
    assert any("phone" in one.what or "texts" in one.what for one in found.proof.found)


def test_the_vault_alone_from_a_backup_brings_nobody_back(shop, tmp_path):
    """The tombstones win. What the old vault holds of the person nobody can name; a rule for addresses takes it out."""
    state = shop.folder / "state"
    backup = {path.name: path.read_bytes() for path in state.glob("vault.db*")}
    whole = shop.stores.vault.count()
    shop.privacy.erase(WHO, yes=True, why="a letter")
    assert shop.stores.vault.count() == whole - 3
    for path in state.glob("vault.db*"):
        path.unlink()
    for name, body in backup.items():
        (state / name).write_bytes(body)
    assert shop.stores.vault.count() == whole
    for name in (WHO, f"phone:{PHONE}", f"email:{MAIL}"):
        with pytest.raises(NotFound):
            shop.customer(name).show()
        with pytest.raises(NotFound):
            shop.privacy.export(name, tmp_path / "out")
    again = shop.folder / "data" / "again.csv"
    again.write_text(
        f"会员号,手机号,邮箱,城市,姓名,入会日期\nM13,{PHONE},{MAIL},成都,王13,2025-01-05\n", encoding="utf-8"
    )
    shop.collect(again, source="members")
    shop.run("2026-09-02")
    assert ask(shop, "SELECT count(*) AS n FROM rejects WHERE reason = 'erased on request'")[0]["n"] >= 1
    with pytest.raises(NotFound):
        shop.customer(WHO).show()
    assert shop.plan("autumn").planned.audience == 39
    rule = shop.folder / "retention" / "addresses.yaml"
    rule.parent.mkdir()
    rule.write_text("over: addresses\nmonths: 60\n", encoding="utf-8")
    shop.apply()
    assert shop.privacy.retain().rows == 3
    shop.privacy.retain(yes=True)
    assert shop.stores.vault.count() == whole - 3

"""Keys in files, variables and key services, and a vault whose key is changed under way."""

import shutil
import socket
import stat
import subprocess

import pytest
from sqlalchemy import insert

from limner.app.opening import make
from limner.app.workspace import Workspace
from limner.core.errors import BadInput, Broken, Busy, NotFound
from limner.store.kms import KMS, Command, Twin
from limner.store.ledger.tables import leases
from small_shop import built_shop

FRESH = "ab" * 32


@pytest.fixture
def folder(tmp_path):
    return built_shop(tmp_path / "shop")


def phones(shop):
    return sorted(one.raw for one in shop.stores.vault.addresses(range(1, 200)).values() if one.kind == "phone")[:2]


def set_keys(folder, *lines):
    text = (folder / "limner.toml").read_text(encoding="utf-8").split("[keys]")[0]
    (folder / "limner.toml").write_text(text + "[keys]\n" + "\n".join(lines) + "\n", encoding="utf-8")


def test_a_key_in_a_file_is_replaced_where_it_is(folder):
    path = folder / "state" / "keys" / "vault.key"
    old = path.read_text()
    with Workspace(folder) as shop:
        before = phones(shop)
        done = shop.privacy.rekey()
        assert done.addresses == shop.stores.vault.count() == 119
        assert not done.is_setting_stale
    assert path.read_text() != old
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with Workspace(folder) as shop:
        assert phones(shop) == before == ["+8613800000001", "+8613800000002"]
    path.write_text(old)
    with Workspace(folder) as shop, pytest.raises(Broken, match="does not open"):
        phones(shop)


def test_a_rekey_that_was_cut_off_opens_and_goes_on(folder, monkeypatch):
    def cut(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("limner.store.vault._BATCH", 50)
    with Workspace(folder, tell=cut) as shop, pytest.raises(KeyboardInterrupt):
        shop.privacy.rekey()
    assert (folder / "state" / "keys" / "vault.key.next").exists()
    with Workspace(folder) as shop:
        assert phones(shop) == ["+8613800000001", "+8613800000002"]
        assert shop.privacy.rekey().addresses == 69
    assert not (folder / "state" / "keys" / "vault.key.next").exists()
    with Workspace(folder) as shop:
        assert phones(shop) == ["+8613800000001", "+8613800000002"]


def test_a_key_in_a_variable_moves_to_another(folder, monkeypatch):
    key = (folder / "state" / "keys" / "vault.key").read_text().strip()
    monkeypatch.setenv("OUR_KEY", key)
    monkeypatch.setenv("OUR_FRESH_KEY", FRESH)
    set_keys(folder, 'vault = "env:OUR_KEY"')
    with Workspace(folder) as shop:
        with pytest.raises(BadInput, match="--to env:NAME"):
            shop.privacy.rekey()
        assert shop.privacy.rekey(to="env:OUR_FRESH_KEY").is_setting_stale
    set_keys(folder, 'vault = "env:OUR_FRESH_KEY"')
    with Workspace(folder) as shop:
        assert phones(shop) == ["+8613800000001", "+8613800000002"]


@pytest.fixture
def twin(monkeypatch):
    found = Twin()
    monkeypatch.setitem(KMS._found, "ours", lambda: found)
    return found


def test_a_key_service_keeps_the_key_off_the_disk(tmp_path, twin):
    folder = make(tmp_path / "shop")
    set_keys(folder, 'vault = "kms:ours"')
    with Workspace(folder) as shop:
        shop.stores.vault.put("phone", {1: "+8613812345678"})
    (key,) = twin.kept.values()
    texts = [path.read_text() for path in (folder / "state" / "keys").iterdir() if path.name != "vault.key"]
    assert all(key.hex() not in text for text in texts)
    with Workspace(folder) as shop:
        assert shop.stores.vault.open([1]) == {1: "+8613812345678"}
        assert shop.privacy.rekey().addresses == 1
    with Workspace(folder) as shop:
        assert shop.stores.vault.open([1]) == {1: "+8613812345678"}
    twin.kept.clear()
    with Workspace(folder) as shop, pytest.raises(Broken, match="did not unwrap"):
        shop.stores.vault.open([1])


def test_a_vault_moves_from_a_file_to_a_key_service(folder, twin):
    with Workspace(folder) as shop:
        assert shop.privacy.rekey(to="kms:ours").is_setting_stale
    set_keys(folder, 'vault = "kms:ours"')
    with Workspace(folder) as shop:
        assert phones(shop) == ["+8613800000001", "+8613800000002"]


def test_a_service_nobody_declared_is_refused(folder):
    set_keys(folder, 'vault = "kms:elsewhere"')
    with Workspace(folder) as shop, pytest.raises(NotFound, match="key service"):
        phones(shop)


def test_a_command_wraps_and_unwraps(tmp_path):
    script = tmp_path / "kms.sh"
    script.write_text('#!/bin/sh\n[ "$2" = ours ] || exit 3\nrev\n')  # base64 of 33 bytes has no padding to turn
    script.chmod(0o700)
    if shutil.which("rev") is None:
        pytest.skip("no rev here")
    command = Command("ours", (str(script),))
    assert command.unwrap(command.wrap(bytes(range(33)))) == bytes(range(33))
    with pytest.raises(Broken, match="exit code 3"):
        Command("theirs", (str(script),)).wrap(bytes(33))
    with pytest.raises(Broken, match="No such file"):
        Command("ours", (str(tmp_path / "nothing"),)).wrap(bytes(33))


def test_a_running_server_keeps_the_key_it_has(folder):
    with subprocess.Popen(["sleep", "60"]) as server, Workspace(folder) as shop:
        held = {"role": "serve", "host": socket.gethostname(), "pid": server.pid, "words": "limner serve", "fence": 1}
        with shop.stores.ledger.write() as connection:
            connection.execute(insert(leases).values(**held, beat_at=shop.clock()))
        with pytest.raises(Busy, match="limner serve"):
            shop.privacy.rekey()
        server.kill()
        server.wait()
        assert shop.privacy.rekey().addresses == 119

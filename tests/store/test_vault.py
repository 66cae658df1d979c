"""The vault seals, opens, forgets; nothing raw lies in the file."""

import os
import sqlite3

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from limner.core.errors import Broken
from limner.store.vault import Vault

KEY = bytes(range(32))


def test_what_is_put_in_comes_out(tmp_path):
    vault = Vault(tmp_path / "v.db", KEY)
    assert vault.put("phone", {n: f"1380000{n:04}" for n in range(1200)}) == 1200
    assert vault.put("phone", {1: "13900000000"}) == 0
    assert vault.open([1, 1199, 5000]) == {1: "13800000001", 1199: "13800001199"}


def test_nothing_raw_lies_in_the_file(tmp_path):
    Vault(tmp_path / "v.db", KEY).put("phone", {1: "13812345678"})
    assert all(b"13812345678" not in path.read_bytes() for path in tmp_path.iterdir())


def test_another_key_is_refused(tmp_path):
    Vault(tmp_path / "v.db", KEY).put("phone", {1: "13812345678"})
    with pytest.raises(Broken, match="does not open"):
        Vault(tmp_path / "v.db", bytes(32)).open([1])


def test_a_destroyed_address_does_not_come_back_with_a_re_import(tmp_path):
    vault = Vault(tmp_path / "v.db", KEY)
    vault.put("phone", {1: "13812345678", 2: "13812345679"})
    assert vault.destroy([1]) == 1
    vault.put("phone", {1: "13812345678"})
    assert vault.open([1, 2]) == {2: "13812345679"}


OTHER = bytes(range(32, 64))


def test_an_address_has_no_text_form(tmp_path):
    vault = Vault(tmp_path / "v.db", KEY)
    vault.put("phone", {1: "13812345678"})
    assert repr(vault.addresses([1])) == "{1: <Address phone>}"


def test_a_wrong_key_seals_nothing(tmp_path):
    Vault(tmp_path / "v.db", KEY).put("phone", {1: "13812345678"})
    wrong = Vault(tmp_path / "v.db", OTHER)
    with pytest.raises(Broken, match="does not open"):
        wrong.put("phone", {2: "13812345679"})
    assert Vault(tmp_path / "v.db", KEY).open([1, 2]) == {1: "13812345678"}


def test_rekey_leaves_the_sealed_text_and_shuts_the_old_key_out(tmp_path):
    vault = Vault(tmp_path / "v.db", KEY)
    vault.put("phone", {n: f"1380000{n:04}" for n in range(1, 9)})
    vault.destroy([3])
    before = rows_of(tmp_path / "v.db", "SELECT trace, sealed FROM addresses")
    assert vault.rekey(OTHER) == 8
    assert rows_of(tmp_path / "v.db", "SELECT trace, sealed FROM addresses") == before
    assert (
        vault.open([1, 3, 8]) == Vault(tmp_path / "v.db", OTHER).open([1, 3, 8]) == {1: "13800000001", 8: "13800000008"}
    )
    with pytest.raises(Broken, match="does not open"):
        Vault(tmp_path / "v.db", KEY).open([1])
    assert vault.put("phone", {9: "13800000009"}) == 1
    assert vault.rekey(OTHER) == 0


def test_a_rekey_cut_off_anywhere_reads_with_both_keys_and_goes_on(tmp_path, monkeypatch):
    class Cut(Exception):
        pass

    def cut(done, total, words):
        raise Cut

    monkeypatch.setattr("limner.store.vault._BATCH", 3)
    vault = Vault(tmp_path / "v.db", KEY)
    vault.put("phone", {n: f"1380000{n:04}" for n in range(1, 9)})
    with pytest.raises(Cut):
        vault.rekey(OTHER, cut)
    both = Vault(tmp_path / "v.db", KEY, [OTHER])
    assert len(both.open(range(9))) == 8
    assert both.put("phone", {20: "13800000020"}) == 1
    assert both.rekey(OTHER) == 6
    assert len(Vault(tmp_path / "v.db", OTHER).open(range(30))) == 9


def test_a_vault_from_before_masters_were_told_apart_opens_and_is_rekeyed(tmp_path):
    path = tmp_path / "v.db"
    old_vault(path, KEY, {1: "13812345678", 2: "13812345679"})
    with pytest.raises(Broken, match="does not open"):
        Vault(path, OTHER).put("phone", {3: "13812345670"})
    vault = Vault(path, KEY)
    assert vault.open([1]) == {1: "13812345678"}
    vault.put("phone", {3: "13812345670"})
    assert vault.rekey(OTHER) == 3
    assert Vault(path, OTHER).open([1, 2, 3]) == {1: "13812345678", 2: "13812345679", 3: "13812345670"}


def test_swapped_keys_and_texts_do_not_open(tmp_path):
    path = tmp_path / "v.db"
    Vault(path, KEY).put("phone", {1: "13812345678", 2: "13812345679"})
    with sqlite3.connect(path) as connection:
        (one,), (two,) = connection.execute("SELECT sealed_key FROM addresses ORDER BY trace").fetchall()
        connection.execute("UPDATE addresses SET sealed_key = ? WHERE trace = 1", (two,))
        connection.execute("UPDATE addresses SET sealed_key = ? WHERE trace = 2", (one,))
    with pytest.raises(Broken, match="does not open"):
        Vault(path, KEY).open([1])


def test_what_is_destroyed_stands_in_no_byte_of_the_file(tmp_path):
    vault = Vault(tmp_path / "v.db", KEY)
    vault.put("phone", {n: f"1380000{n:04}" for n in range(1, 300)})
    ((key, text),) = rows_of(tmp_path / "v.db", "SELECT sealed_key, sealed FROM addresses WHERE trace = 7")
    assert any(key in path.read_bytes() for path in tmp_path.iterdir())
    vault.destroy([7])
    assert not any(part in path.read_bytes() for path in tmp_path.iterdir() for part in (key, text))


def rows_of(path, question):
    with sqlite3.connect(path) as connection:
        return connection.execute(question).fetchall()


def old_vault(path, key, addresses):
    """A vault as the first version wrote it."""
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TABLE addresses (trace INTEGER NOT NULL PRIMARY KEY, kind TEXT NOT NULL, sealed_key BLOB, sealed BLOB)"
            " STRICT, WITHOUT ROWID"
        )
        for trace, raw in addresses.items():
            own, nonce, bound = os.urandom(32), os.urandom(12), str(trace).encode()
            wrapped = nonce + AESGCM(key).encrypt(nonce, own, bound)
            text = nonce + AESGCM(own).encrypt(nonce, raw.encode(), bound)
            connection.execute("INSERT INTO addresses VALUES (?, 'phone', ?, ?)", (trace, wrapped, text))


def test_keys_of_files_outlive_a_rekey(tmp_path):
    vault = Vault(tmp_path / "v.db", KEY)
    key, wrapped = vault.file_key("part/1")
    assert vault.key_of(wrapped, "part/1") == key
    vault.rekey(OTHER)
    fresh = Vault(tmp_path / "v.db", OTHER)
    assert fresh.key_of(wrapped, "part/1") == key
    with pytest.raises(Broken, match="does not open"):
        fresh.key_of(wrapped, "part/2")
    with pytest.raises(Broken, match="does not open"):
        Vault(tmp_path / "v.db", KEY).key_of(wrapped, "part/1")

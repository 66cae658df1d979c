"""The vault seals, opens, forgets; nothing raw lies in the file."""

import pytest

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

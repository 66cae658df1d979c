"""How platforms want addresses, against digests computed from the form their pages show."""

from __future__ import annotations

import hashlib

import pytest

from limner.core.errors import BadInput
from limner.flow.audiences.platforms import PLATFORMS, every_hash, platform

HOME, ABROAD = "+8613800000000", "+16505551212"


@pytest.mark.parametrize(
    ("name", "kind", "raw", "hash", "form"),
    [
        ("google", "phone", HOME, "sha256", "+8613800000000"),
        ("google", "email", "jane.a.doe@gmail.com", "sha256", "janeadoe@gmail.com"),
        ("google", "email", "jane.doe@example.com", "sha256", "jane.doe@example.com"),
        ("meta", "phone", ABROAD, "sha256", "16505551212"),
        ("meta", "email", "john_smith@gmail.com", "sha256", "john_smith@gmail.com"),
        ("tiktok", "phone", HOME, "sha256", "+8613800000000"),
        ("tencent", "phone", HOME, "md5", "13800000000"),
        ("md5", "phone", HOME, "md5", "13800000000"),
    ],
)
def test_an_address_is_hashed_in_the_form_a_platform_wants(name, kind, raw, hash, form):  # noqa: A002
    assert platform(name).hashed(kind, raw) == hashlib.new(hash, form.encode()).hexdigest()


def test_the_digest_meta_publishes_for_its_example():
    published = "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"
    assert platform("meta").hashed("email", "john_smith@gmail.com") == published


def test_a_number_from_abroad_has_no_form_at_home():
    assert platform("tencent").hashed("phone", ABROAD) is None


def test_every_hash_knows_every_platform():
    for one in PLATFORMS.values():
        assert one.hashed("phone", HOME) in every_hash("phone", HOME)
    assert every_hash("member_no", "M1") == frozenset()


def test_what_a_platform_does_not_take_is_refused_by_name():
    with pytest.raises(BadInput, match="tencent"):
        platform("tencent").check("email")
    with pytest.raises(BadInput, match="Did you mean 'google'"):
        platform("goggle")

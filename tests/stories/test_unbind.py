"""What 神策's own client unbinds is parted by the next run, and joined again when it binds again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from limner.core.errors import Clash
from live_server import KEY, LiveServer, asked

sensorsanalytics = pytest.importorskip("sensorsanalytics")
LATER = "2100-01-01"


class Client:
    """神策's Python client, with a clock that can be set, in front of a running server."""

    def __init__(self, folder):
        self.server = LiveServer(folder)
        self.identity = sensorsanalytics.SensorsAnalyticsIdentity
        self.now = datetime.now(UTC) - timedelta(hours=2)

    def __call__(self, verb, *several):
        """Say something, as `bind` or `unbind`, five seconds after what was said before."""
        self.now += timedelta(seconds=5)
        url = f"{self.server.url}/sa?project=default&token={KEY}"
        client = sensorsanalytics.SensorsAnalytics(sensorsanalytics.BatchConsumer(url, 50))
        client._now = lambda: int(self.now.timestamp() * 1000)
        getattr(client, verb)(*(self.identity(kind, value) for kind, value in several))
        client.close()

    def customers(self, shop):
        """How many customers there are, and who is who."""
        shop.run(LATER)
        found = shop.audience("views_30d >= 0").count()
        return found.identified + found.anonymous


USER, PHONE = ("$identity_login_id", "u1"), ("$identity_mobile", "13812349876")
OTHER = ("$identity_login_id", "u2")


@pytest.fixture
def client(tmp_path):
    one = Client(tmp_path / "shop")
    yield one
    one.server.stop()


@pytest.mark.slow
def test_unbound_is_parted_and_bound_again_is_one(client):
    client.server.start()
    client("bind", USER, PHONE)
    shop = client.server.drained()
    assert client.customers(shop) == 1
    shop.close()
    client.server.start()
    client("unbind", PHONE)
    shop = client.server.drained()
    assert client.customers(shop) == 2
    (passage,) = [one for one in shop.identity.merges() if one.what == "parting"]
    assert (passage.actor, passage.undone_at) == ("source:clients", None)
    assert shop.identity.explain("user_id:u1").cuts
    assert client.customers(shop) == 2  # said once
    shop.close()
    client.server.start()
    client("bind", OTHER, PHONE)
    shop = client.server.drained()
    assert client.customers(shop) == 2  # the phone is the other's now
    shop.close()
    client.server.start()
    client("unbind", PHONE)
    client("bind", USER, PHONE)
    shop = client.server.drained()
    assert client.customers(shop) == 2
    held = [one.kind for one in shop.identity.explain("user_id:u1").identifiers]
    assert sorted(held) == ["phone", "user_id"]
    names = [row["name"] for row in asked(shop, "SELECT name FROM events ORDER BY name")]
    assert names.count("Identifier Unbound") == 2
    shop.close()


def test_an_operator_has_the_last_word(client):
    client.server.start()
    client("bind", USER, PHONE)
    client("unbind", PHONE)
    shop = client.server.drained()
    assert client.customers(shop) == 2
    (passage,) = [one for one in shop.identity.merges() if one.what == "parting"]
    shop.identity.undo(passage.seq)
    assert client.customers(shop) == 1
    with pytest.raises(Clash):
        shop.identity.undo(passage.seq)
    shop.close()


def test_what_was_unbound_later_counts_not_before(client):
    client.server.start()
    client("bind", USER, PHONE)
    before = client.now + timedelta(seconds=2)
    client("unbind", PHONE)
    shop = client.server.drained()
    assert client.customers(shop) == 2
    shop.run(before.isoformat())
    count = shop.audience("views_30d >= 0").count()
    assert count.identified + count.anonymous == 1
    shop.withdraw(1)
    assert client.customers(shop) == 0
    assert all(one.undone_at for one in shop.identity.merges() if one.what == "parting")
    shop.close()

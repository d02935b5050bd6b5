"""Ids and numbers in the shapes that clients know."""

from __future__ import annotations

import re
from uuid import UUID

import pytest

from switchhook.core.errors import Reason
from switchhook.dialects.genesys.ids import CallIds, device_id, user_id
from switchhook.dialects.genesys.numbers import bare, participant
from switchhook.dialects.genesys.status import HTTP, OF_REASON


@pytest.mark.parametrize("seed", [0, 1, 2**128 - 1, 0x0123456789ABCDEF << 64])
def test_calls_in_a_row_differ_only_in_the_last_characters(seed: int) -> None:
    ids = CallIds(seed)
    made = [ids.call_uuid() for _ in range(100)]
    assert len(set(made)) == 100
    assert all(re.fullmatch("[0-9A-V]{32}", each) for each in made)
    assert len({each[:26] for each in made}) == 1
    assert made[0][25] in "048CGKOS"  # 128 bits in 26 characters leave the last two bits zero


def test_connection_ids_are_sixteen_hex_digits_that_count_up() -> None:
    ids = CallIds(2**127 + 5)
    made = [ids.conn_id() for _ in range(100)]
    assert all(re.fullmatch("[0-9a-f]{16}", each) for each in made)
    assert made == sorted(set(made))
    assert made[0].startswith("007")


def test_devices_and_users_keep_their_ids() -> None:
    assert UUID(device_id("5001")) == UUID(device_id("5001"))
    assert device_id("5001") != device_id("5002")
    assert re.fullmatch("[0-9a-f]{32}", user_id("agent1"))


def test_an_internal_number_has_no_e164_form() -> None:
    assert participant("15001") == {
        "e164Number": "",
        "formattedPhoneNumber": "15001",
        "phoneNumber": "15001",
        "digits": "15001",
    }
    assert participant("4155550123") == participant("4155550123", external=False)
    assert participant("4155550123")["e164Number"] == ""


@pytest.mark.parametrize("written", ["+14155550123", "14155550123"])
def test_an_outside_number_is_written_with_its_plus(written: str) -> None:
    assert participant(written, external=True) == {
        "e164Number": "+14155550123",
        "formattedPhoneNumber": "+14155550123",
        "phoneNumber": "+14155550123",
        "digits": "14155550123",
    }


@pytest.mark.parametrize(
    ("address", "number"),
    [
        ("sip:1001@switchhook.local", "1001"),
        ("sips:bob@host;transport=tls", "bob"),
        ("tel:+14155550123", "+14155550123"),
        ("1001", "1001"),
        ("+1", "+1"),
    ],
)
def test_only_the_user_part_of_an_address_is_shown(address: str, number: str) -> None:
    assert bare(address) == number


def test_every_refusal_of_the_core_has_a_status_code() -> None:
    assert set(OF_REASON) == set(Reason)
    assert all(code in HTTP for code in OF_REASON.values())

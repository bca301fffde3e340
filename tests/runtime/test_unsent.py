"""What is written and not sent, on disk."""

from pathlib import Path

import pytest

from pluma_tui.core.written import Unsent, Written
from pluma_tui.runtime.unsent import Slot, claim

WORDS = Unsent(Written("see [x]", {"[x]": "a paste"}), (Written("waits"),), "Be brief.")


def folders(data: Path) -> list[str]:
    return sorted(one.name for one in (data / "drafts").iterdir())


def test_what_is_kept_comes_back_and_nothing_is_left_of_nothing(tmp_path: Path) -> None:
    slot, left = claim(tmp_path, "c1")
    assert left == Unsent()
    slot.write(WORDS)
    slot.close()
    slot, left = claim(tmp_path, "c1")
    assert left == WORDS
    slot.write(Unsent())
    slot.close()
    assert folders(tmp_path) == []


def test_each_window_of_a_conversation_has_its_own_place(tmp_path: Path) -> None:
    first, _ = claim(tmp_path, None)
    second, _ = claim(tmp_path, None)
    first.write(Unsent(Written("first")))
    second.write(Unsent(Written("second")))
    first.close()
    second.close()
    assert {claim(tmp_path, None)[1].draft.text, claim(tmp_path, None)[1].draft.text} == {"first", "second"}


def test_words_of_a_window_that_crashed_are_found_though_others_were_closed(tmp_path: Path) -> None:
    slots = [claim(tmp_path, "c")[0] for _ in range(3)]
    slots[2].write(WORDS)
    for slot in slots:
        slot.close()
    assert folders(tmp_path) == ["c.3"]
    assert claim(tmp_path, "c")[1] == WORDS


def test_a_new_conversation_takes_its_words_along_when_it_gets_an_id(tmp_path: Path) -> None:
    slot, _ = claim(tmp_path, None)
    slot.write(WORDS)
    slot.belongs_to("c1")
    slot.write(WORDS)
    assert folders(tmp_path) == ["c1"]
    assert claim(tmp_path, "c1")[1] == Unsent()  # held by the first window still
    slot.close()
    assert claim(tmp_path, None)[1] == Unsent()


def test_a_closed_place_is_not_written_to(tmp_path: Path) -> None:
    slot, _ = claim(tmp_path, "c")
    slot.close()
    slot.close()
    slot.write(WORDS)
    assert folders(tmp_path) == []


@pytest.mark.parametrize("bytes_", [b"", b"{", b'{"draft": 1}', b"\xff"])
def test_a_file_that_cannot_be_understood_is_left_alone(tmp_path: Path, bytes_: bytes) -> None:
    broken = tmp_path / "drafts" / "c"
    broken.mkdir(parents=True)
    (broken / "unsent.json").write_bytes(bytes_)
    slot, left = claim(tmp_path, "c")
    assert isinstance(slot, Slot)
    slot.write(WORDS)
    assert left == Unsent()
    assert (broken / "unsent.json").read_bytes() == bytes_

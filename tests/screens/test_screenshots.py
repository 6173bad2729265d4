"""A screenshot looks the same in every renderer."""

from __future__ import annotations

from tui.screenshots import without_leading_blanks

TEXT = '<text class="r1" x="12.2" y="20" textLength="73.2" clip-path="url(#a)">{}</text>'


def test_a_text_begins_with_its_first_visible_character_where_it_stood() -> None:
    moved = without_leading_blanks(TEXT.format("&#160;&#160;ok&#160;x"))
    assert 'x="36.6"' in moved
    assert 'textLength="48.8"' in moved
    assert ">ok&#160;x<" in moved


def test_text_without_leading_blanks_and_escaped_text_stay_as_they_are() -> None:
    for content in ("ok", "&lt;b&gt;"):
        assert without_leading_blanks(TEXT.format(content)) == TEXT.format(content)
    assert ">&lt;<" in without_leading_blanks(TEXT.format("&#160;&lt;"))

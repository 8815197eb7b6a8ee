from chalicelib.processors.xml_elements import elements

TEXT = b"<p>one <a>two <a>three</a> four</a> five <b>six</b></p>"


def test_an_element_has_its_own_text() -> None:
    assert [one.text for one in elements([TEXT], ["a", "p"])] == ["one  five", "two  four", "three"]


def test_a_whole_element_has_the_text_of_its_children() -> None:
    items = elements([TEXT], ["a", "b"], whole=["a"])

    assert [(one.name, one.text) for one in items] == [("a", "two three four"), ("b", "six")]

from chalicelib.processors.places import fitting


def test_the_first_texts_that_fit_are_kept() -> None:
    assert fitting(["a", "b", "c"], 10) == ["a", "b"]
    assert fitting(["📖"], 7) == []

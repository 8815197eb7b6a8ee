"""The exception that every reader raises for bytes that break the rules of their format."""

DAMAGED = "It is damaged, or its end is missing"


class DamagedError(Exception):
    """The bytes contradict their format, or end too early.

    The message is the sentence for the report.
    """

    def __init__(self, sentence: str = DAMAGED) -> None:
        super().__init__(sentence)

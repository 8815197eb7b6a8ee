"""A generated file, and the names that people would give it."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

WORDS = (
    "holiday invoice report budget minutes draft map plan photo scan letter summary list notes "
    "IMG_2041 DSC00317 export backup final v2 Übersicht café данные 写真 طلب München año"
).split()


@dataclass(frozen=True)
class File:
    """One real file; `format` is a name in `formats.FORMATS`, `made_by` the tool and its options."""

    format: str
    name: str
    data: bytes = field(repr=False)
    made_by: str


@dataclass
class Names:
    """File names from a seed: some with spaces, capitals, symbols and other scripts."""

    chance: random.Random

    def __call__(self, extension: str) -> str:
        stem = " ".join(self.chance.sample(WORDS, self.chance.randint(1, 2)))
        number = self.chance.choice(["", "", f" ({self.chance.randint(1, 9)})", "_2024"])
        upper = self.chance.random() < 0.1
        return f"{stem}{number}.{extension.upper() if upper else extension}"


Files = Iterator[File]

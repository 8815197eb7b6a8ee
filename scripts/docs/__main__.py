"""`python -m scripts.docs [--check]`: write the generated tables and charts, or compare them."""

import argparse
import sys

from scripts.docs import charts, tables
from scripts.docs.source import ROOT


def main() -> int:
    """Write what is out of date; with `--check` write nothing and fail instead."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail on a difference")
    check: bool = parser.parse_args().check
    drift = {**tables.outdated(), **charts.outdated()}
    for path, text in drift.items():
        print(f"{path.relative_to(ROOT)} {'is out of date' if check else 'written'}")
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if check and drift:
        print("Write them: .venv/bin/python -m scripts.docs", file=sys.stderr)
    return 1 if check and drift else 0


if __name__ == "__main__":
    sys.exit(main())

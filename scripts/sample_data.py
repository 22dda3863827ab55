"""Fetch the sample data that no installed package carries.

    python -m scripts.sample_data

Without a network a message says which samples are not there, and the app starts all the same.
"""

import argparse
import sys

from catalog.errors import CatalogError
from catalog.fetch import fetch_vader, missing


def main(arguments: list[str] | None = None) -> int:
    """Fetch what is missing. Exit status 0 also when there is no network: samples are an offer, not a need."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--strict", action="store_true", help="exit with 1 when something could not be fetched")
    chosen = parser.parse_args(arguments)
    if not missing():
        print("Sample data: all there.")
        return 0
    try:
        print(f"Sample data: fetched {', '.join(fetch_vader())}.")
    except CatalogError as error:
        print(f"Sample data: not there: {', '.join(missing())}. {error}")
        return 1 if chosen.strict else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())

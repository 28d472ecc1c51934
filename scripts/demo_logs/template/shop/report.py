"""Totals of an order export: python3 report.py [--delimiter D] [--by day|item] FILE."""

import argparse
import csv
import sys
from pathlib import Path


def totals(path, delimiter, key):
    """Sum of `amount` for each value of the column `key`."""
    sums = {}
    with Path(path).open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines, delimiter=delimiter):
            sums[row[key]] = sums.get(row[key], 0) + int(row["amount"])
    return sums


def main():
    """Print the totals."""
    parser = argparse.ArgumentParser(prog="report.py")
    parser.add_argument("--delimiter", default=",")
    parser.add_argument("--by", choices=["day", "item"], default="item")
    parser.add_argument("file")
    options = parser.parse_args()
    for name, amount in sorted(totals(options.file, options.delimiter, options.by).items()):
        print(f"{name:<12}{amount / 100:>10.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

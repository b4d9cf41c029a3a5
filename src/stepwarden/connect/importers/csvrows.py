"""Rows of a CSV file as objects, with the line on which each begins; the separator is told from the header.

>>> list(csv_rows(iter(['time;user\\n2021-01-01;"a\\nb"\\n2021-01-02;c\\n'])))
[(2, {'time': '2021-01-01', 'user': 'a\\nb'}), (4, {'time': '2021-01-02', 'user': 'c'})]

A row that is longer than the header, or is no CSV at all, is given as its text. Missing cells are ``""``.
"""

import csv
from collections.abc import Iterator

from stepwarden.connect.importers.reading import MAX_LINE, SPACE, lines
from stepwarden.errors import InputError

Row = tuple[int, dict[str, str] | str]


def separator_of(header: str) -> str:
    """The separator of a header line: the one of ``, ; tab |`` that it has most of."""
    return max(",;\t|", key=header.count)


def csv_rows(blocks: Iterator[str]) -> Iterator[Row]:
    """The rows after the header.

    Raises:
        InputError: the header is no CSV.
    """
    # the only switch that the csv module has is for the whole process; the default is too small for audit records
    csv.field_size_limit(MAX_LINE)
    source = lines(blocks)
    skipped = 0
    for header in source:
        skipped += 1
        # PowerShell's Export-Csv writes a type line first
        if header.strip(SPACE) and not header.lstrip(SPACE).startswith("#"):
            break
    else:
        return
    separator = separator_of(header)
    try:
        names = next(csv.reader([header.lstrip("\ufeff")], delimiter=separator))
    except csv.Error as exc:
        raise InputError(f"the header, line {skipped}, is no CSV: {exc}", field="header") from exc
    reader = csv.reader((line + "\n" for line in source), delimiter=separator)
    while True:
        number = skipped + reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as exc:
            yield number, str(exc)
            continue
        if not cells:
            continue
        if len(cells) > len(names):
            yield number, separator.join(cells)
        else:
            yield number, dict(zip(names, cells + [""] * (len(names) - len(cells)), strict=True))

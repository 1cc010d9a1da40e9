"""Reads files of CSV with Python's csv module, and prints their records as JSON.

Standard input is a JSON list of files: path, delimiter, quote (or null), escape (or null), and the
unit of the time column. Standard output has for each file a list of records: the line on which the
record begins, its fields, whether it is all UTF-8, and the milliseconds of each field that is a time.
"""

import csv
import datetime
import json
import sys
import zoneinfo

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def milliseconds(text, unit):
    """Returns the time, or None for a text that is none."""
    try:
        if text == "":
            return 0
        if unit in ("ms", "s"):
            return int(text) * (1000 if unit == "s" else 1)
        time = datetime.datetime.fromisoformat(text)
        if time.tzinfo is None:
            if unit == "rfc3339":
                return None
            name = "UTC" if unit == "utc" else unit
            time = time.replace(tzinfo=zoneinfo.ZoneInfo(name))
        return (time - EPOCH) // datetime.timedelta(milliseconds=1)
    except ValueError:
        return None


def records(file):
    quoting = csv.QUOTE_NONE if file["quote"] is None else csv.QUOTE_MINIMAL
    with open(
        file["path"], newline="", encoding="utf-8-sig", errors="surrogateescape"
    ) as lines:
        reader = csv.reader(
            lines,
            delimiter=file["delimiter"],
            quotechar=file["quote"],
            escapechar=file["escape"],
            quoting=quoting,
        )
        line = 1
        for fields in reader:
            if fields:
                encoded = [field.encode("utf-8", "replace").decode() for field in fields]
                yield {
                    "line": line,
                    "fields": encoded,
                    "is_text": encoded == fields,
                    "milliseconds": [milliseconds(field, file["unit"]) for field in fields],
                }
            line = reader.line_num + 1


csv.field_size_limit(1 << 24)
json.dump([list(records(file)) for file in json.load(sys.stdin)], sys.stdout)

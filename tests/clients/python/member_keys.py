"""Member ids of members whose keys are not positive 64-bit integers.

Usage: member_keys.py FILE
Prints the ids of the seeds and keys in a JSON file as one JSON array of texts.
"""

import hashlib
import json
import sys


def member_id_of(seed: str, key: str) -> int:
    """Returns the first 63 bits of the SHA-256 of the seed followed by the key; 1 if they are 0."""
    digest = hashlib.sha256((seed + key).encode()).digest()
    return max(1, int.from_bytes(digest[:8], "big") >> 1)


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        print(json.dumps([str(member_id_of(one["seed"], one["key"])) for one in json.load(file)]))

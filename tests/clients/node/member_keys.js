// Member ids of members whose keys are not positive 64-bit integers.
//
// Usage: member_keys.js FILE
// Prints the ids of the seeds and keys in a JSON file as one JSON array of texts.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

/** Returns the first 63 bits of the SHA-256 of the seed followed by the key, as a BigInt; 1 if they are 0. */
function memberIdOf(seed, key) {
  const digest = createHash("sha256").update(seed + key, "utf8").digest();
  return digest.readBigUInt64BE(0) >> 1n || 1n;
}

const keys = JSON.parse(readFileSync(process.argv[2], "utf8"));
console.log(JSON.stringify(keys.map(({ seed, key }) => String(memberIdOf(seed, key)))));

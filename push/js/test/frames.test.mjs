// The golden vectors of package protocol, in both directions.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { decode, encode } from "../push.js";

const vectors = JSON.parse(readFileSync(new URL("../../protocol/testdata/vectors.json", import.meta.url), "utf8"));
const bytes = (hex) => new Uint8Array(Buffer.from(hex, "hex")).buffer;
const hex = (b) => Buffer.from(b).toString("hex");

/** A frame without what is zero, as JSON may have it or not. */
const bare = (x) => {
  if (Array.isArray(x)) return x.map(bare);
  if (x === null || typeof x !== "object" || x instanceof Uint8Array) return x;
  return Object.fromEntries(Object.entries(x).filter(([, v]) => v && v.length !== 0).map(([k, v]) => [k, bare(v)]));
};

for (const v of vectors) {
  test(v.name, () => {
    if (v.invalid) {
      assert.throws(() => decode(v.json_text ?? bytes(v.binary)));
      return;
    }
    if (v.frame === "hello" && v.json.version !== 1) return; // what a server has to bear
    const fromBinary = decode(bytes(v.binary));
    const fromJSON = decode(JSON.stringify(v.json));
    assert.equal(fromBinary.type, v.frame);
    const { base64, ...same } = fromJSON;
    assert.deepEqual(bare(fromBinary), bare(same));
    assert.equal(hex(encode(fromBinary, "binary")), v.binary);
    assert.equal(hex(encode(fromJSON, "binary")), v.binary);
    assert.deepEqual(bare(JSON.parse(encode(fromBinary, "json"))), bare(v.json));
  });
}

test("there are vectors", () => assert.ok(vectors.length > 50));

test("what cannot be a frame is not encoded", () => {
  for (const frame of [
    { type: "pub", id: 1, topic: "a", ttl: -1 },
    { type: "pub", id: 1, topic: "a", ttl: 0.5 },
    { type: "pub", id: 1, topic: 7 },
    { type: "pub", id: 1, topic: "a", qos: 4 },
    { type: "ack", filter: "a", offset: 2 ** 53 },
    { type: "sub", id: 1, filter: "a", cursor: { epoch: "1", offset: 0 } },
    { type: "nothing" },
  ]) {
    for (const encoding of ["json", "binary"]) assert.throws(() => encode(frame, encoding), JSON.stringify(frame));
  }
});

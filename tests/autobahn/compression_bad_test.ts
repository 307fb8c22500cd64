/**
 * Compressed messages that break the rules, as bytes on the line.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { compressAll, compressed } from "./_deflate.ts";
import { open, targets } from "./_tester.ts";
import { begin, type Frame, frame, opcode, ping, shown, text, unhex } from "./_wire.ts";

const messages = [new TextEncoder().encode("Hello"), unhex("48eda08048"), new Uint8Array(10_000_000)];
const [hello, broken, zeros] = await compressAll({ takeover: false, bits: 15 }, messages);
const bit = 0x40;

const cases: Record<string, readonly [code: number, frames: readonly Frame[], unsent?: number]> = {
  "a compressed ping": [1002, [frame(ping().first | bit)]],
  "a compressed close": [1002, [frame(0x88 | bit)]],
  "a compressed fragment in the middle": [1002, [begin(opcode.text, "Hel"), frame(0x80 | bit, "lo")]],
  "another reserved bit": [1002, [frame(0x81 | bit | 0x20, hello)]],
  "damaged data": [1007, compressed(opcode.text, unhex("ffffffff"))],
  "data that ends in the middle": [1007, compressed(opcode.text, hello.subarray(0, hello.length - 2))],
  "a text that inflates to what is not UTF-8": [1007, compressed(opcode.text, broken)],
  "such a text whose end does not come": [1007, compressed(opcode.text, broken, 4), 1],
  "a bomb": [1009, compressed(opcode.binary, zeros)],
  "a bomb in fragments": [1009, compressed(opcode.binary, zeros, 100)],
  "a bomb whose end does not come": [1009, compressed(opcode.binary, zeros), 2],
};

for (const target of targets) {
  for (const [what, [code, frames, unsent]] of Object.entries(cases)) {
    Deno.test(`our ${target} refuses ${what} with ${code}`, async () => {
      const options = { compression: true, maxMessageBytes: 1_000_000 };
      await using line = await open(target, options, "permessage-deflate");
      line.write([text("first"), ...frames], { unsent });
      assert.deepEqual((await line.all()).map(shown), [shown(text("first")), `close ${code}`]);
      const error = await line.recorder.over();
      assert.equal(error?.details?.closeCode, code);
    });
  }
}

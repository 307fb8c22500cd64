/**
 * Messages that a receiver keeps, while their connection is read only to see
 * its end.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { websocket } from "../../../mod.ts";
import { bytesOf, Recorder } from "../../support/channels.ts";
import { openRaw, upgradeLines } from "../websocket/_websocket_raw.ts";

Deno.test("websocket() overwrites no message where what came behind it was wrong", async () => {
  const recorder = new Recorder();
  const listener = await websocket({ port: 0 }).listen((channel) => channel.receive(recorder));
  const conn = await openRaw(listener.addr.port!, upgradeLines);
  const buffer = new Uint8Array(4096);
  await conn.read(buffer);
  // A message masked by zeros, and a frame of a kind that there is not.
  const message = new Uint8Array(200).fill(7);
  await conn.write(new Uint8Array([0x82, 0x80 | 126, 0, 200, 0, 0, 0, 0, ...message, 0x83, 0x80, 0, 0, 0, 0]));
  // The goodbye, and the end of the server's side.
  while (await conn.read(buffer) !== null);
  await conn.write(new Uint8Array(4096).fill(0x55));
  await conn.closeWrite();
  assert.equal((await recorder.over())?.code, "protocol");
  conn.close();
  assert.deepEqual(bytesOf(recorder.messages[0]), message);
  await listener.close();
});

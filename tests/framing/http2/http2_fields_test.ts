/**
 * Header blocks as the heads of messages, and settings.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { TransportError } from "../../../mod.ts";
import { HeaderList } from "../../../src/framing/http2/hpack_fields.ts";
import {
  checkField,
  readRequestHead,
  readResponseHead,
  readTrailers,
} from "../../../src/framing/http2/http2_fields.ts";
import { HeaderBlock, ResponseBlocks } from "../../../src/framing/http2/http2_header_blocks.ts";
import { Http2Settings } from "../../../src/framing/http2/http2_settings.ts";
import { settingsFrame } from "../../../src/framing/http2/http2_frame_writer.ts";
import { bytesOf, hex, listOf, refuses } from "./_http2.ts";

const ok: [string, string] = [":status", "200"];
const get: [string, string][] = [[":method", "GET"], [":scheme", "http"], [":authority", "a.example"], [":path", "/"]];

Deno.test("the head of a response is its status and its fields", () => {
  const head = readResponseHead(listOf(ok, ["content-length", "12"], ["set-cookie", "a=\xe9"], ["set-cookie", ""]));
  assert.ok(typeof head === "object");
  assert.deepEqual([head.status, head.contentLength], [200, 12]);
  assert.deepEqual([...head.fields], [["content-length", "12"], ["set-cookie", "a=\xe9"], ["set-cookie", ""]]);
});

Deno.test("what is no response is told by what is wrong with it", () => {
  const wrong: [[string, string][], RegExp][] = [
    [[], /without a status/],
    [[["a", "b"]], /without a status/],
    [[[":status", "20"]], /the status "20"/],
    [[[":status", "600"]], /the status "600"/],
    [[[":status", "2e2"]], /the status/],
    [[[":status", "101"]], /101/],
    [[ok, ok], /a second :status/],
    [[["a", "b"], ok], /:status behind other fields/],
    [[ok, [":path", "/"]], /the field :path/],
    [[ok, [":new", "x"]], /the field :new/],
    [[ok, ["A", "b"]], /the name "A"/],
    [[ok, ["", "b"]], /the name ""/],
    [[ok, [":", "b"]], /the name ":"/],
    [[ok, ["a b", "c"]], /the name "a b"/],
    [[ok, ["a\0", "c"]], /the name/],
    [[ok, ["\xe9", "c"]], /the name/],
    [[ok, ["a", "b\r\nc: d"]], /carriage return in the field a/],
    [[ok, ["a", "b\n"]], /line feed in the field a/],
    [[ok, ["a", "b\0"]], /NUL in the field a/],
    [[ok, ["a", "b\x7f"]], /0x7f in the field a/],
    [[ok, ["a", " b"]], /blank around the field a/],
    [[ok, ["a", "b\t"]], /blank around the field a/],
    [[ok, ["connection", "close"]], /the field connection/],
    [[ok, ["keep-alive", "timeout=5"]], /the field keep-alive/],
    [[ok, ["proxy-connection", "close"]], /the field proxy-connection/],
    [[ok, ["transfer-encoding", "chunked"]], /the field transfer-encoding/],
    [[ok, ["upgrade", "h2c"]], /the field upgrade/],
    [[ok, ["content-length", "1"], ["content-length", "1"]], /a second content-length/],
    [[ok, ["content-length", "-1"]], /content-length that is no number/],
    [[ok, ["content-length", "1e1"]], /content-length that is no number/],
    [[ok, ["content-length", "9999999999999999"]], /content-length that is no number/],
    [[ok, ["location", "/a"], ["location", "/b"]], /a second location/],
  ];
  for (const [pairs, why] of wrong) {
    const list = listOf(...pairs);
    for (let i = 0; i < 2; i++) {
      const head = readResponseHead(list);
      assert.ok(typeof head === "string", JSON.stringify(pairs));
      assert.match(head, why);
    }
  }
  const full = new HeaderList(10, 10);
  full.add(listOf(ok).fields[0]);
  assert.match(readResponseHead(full) as string, /more than 10 bytes of header fields/);
});

Deno.test("requests are read as strictly, for whoever answers them", () => {
  const head = readRequestHead(listOf(...get, ["te", "trailers"]));
  assert.ok(typeof head === "object");
  assert.deepEqual([head.method, head.scheme, head.authority, head.path], ["GET", "http", "a.example", "/"]);
  assert.ok(typeof readRequestHead(listOf([":method", "CONNECT"], [":authority", "a:1"])) === "object");
  assert.ok(typeof readRequestHead(listOf([":method", "OPTIONS"], [":scheme", "http"], [":path", "*"])) === "object");
  const wrong: [[string, string][], RegExp][] = [
    [get.slice(1), /without a method/],
    [[[":method", "G T"], ...get.slice(1)], /without a method/],
    [get.slice(0, 3), /without all that it needs/],
    [[get[0], ...get.slice(2)], /without all that it needs/],
    [[[":method", "CONNECT"]], /without all/],
    [[[":method", "CONNECT"], ...get.slice(1)], /CONNECT with a path/],
    [[...get.slice(0, 3), [":path", ""]], /path/],
    [[...get.slice(0, 3), [":path", "a"]], /path/],
    [[...get.slice(0, 3), [":path", "*"]], /path/],
    [[...get.slice(0, 3), [":path", "/ a"]], /path/],
    [[...get.slice(0, 2), [":authority", "a/b"], get[3]], /authority/],
    [[...get, ["te", "gzip"]], /te field/],
    [[...get, ["host", "a"], ["host", "b"]], /a second host/],
    [[...get, ok], /the field :status/],
  ];
  for (const [pairs, why] of wrong) assert.match(readRequestHead(listOf(...pairs)) as string, why);
});

Deno.test("trailers have no pseudo-fields, and lose what may not stand there", () => {
  const trailers = readTrailers(listOf(["x-sum", "1"], ["content-length", "4"], ["content-type", "a"]));
  assert.deepEqual([...trailers as Iterable<unknown>], [["x-sum", "1"]]);
  assert.match(readTrailers(listOf(ok)) as string, /the field :status/);
});

Deno.test("a field that can't be sent is refused as invalid-request", () => {
  const wrong: [string, string][] = [
    ["A", "b"],
    ["a", "b\r\n"],
    ["a", "\u20ac"],
    ["a", " b"],
    ["connection", "close"],
    [":path", "a"],
    [":path", "/\n"],
    [":method", "G T"],
    [":authority", "a b"],
  ];
  for (const [name, value] of wrong) {
    const refused = (error: unknown) => error instanceof TransportError && error.code === "invalid-request";
    assert.throws(() => checkField(name, value), refused, `${name}: ${value}`);
  }
  for (const [name, value] of [...get, ["a", ""], ["a", "caf\xe9"]]) checkField(name, value);
});

Deno.test("a block in many frames is put together, up to a limit of bytes and of frames", () => {
  const block = new HeaderBlock(100);
  for (let round = 0; round < 2; round++) {
    block.begin();
    for (let i = 0; i < 10; i++) block.add(Uint8Array.of(i, i + 1), 1, 2);
    assert.deepEqual([...block.bytes], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    block.end();
  }
  block.begin();
  refuses(() => block.add(new Uint8Array(101), 0, 101), "ENHANCE_YOUR_CALM", /more than 100 bytes/);
  block.begin();
  for (let i = 0; i < 32; i++) block.add(new Uint8Array(0), 0, 0);
  refuses(() => block.add(new Uint8Array(0), 0, 0), "ENHANCE_YOUR_CALM", /more than 32 frames/);
});

Deno.test("a response like the last one is read from memory, as long as that means the same", () => {
  const blocks = new ResponseBlocks({ maxBytes: 1000, maxFields: 10 });
  const read = (text: string): unknown => {
    const bytes = bytesOf([0], hex(text), [0]);
    const head = blocks.head(bytes, 1, bytes.length - 1);
    return typeof head === "string" ? head : [...head.fields];
  };
  assert.deepEqual(read("88 40 01 61 01 78"), [["a", "x"]]);
  for (let i = 0; i < 3; i++) assert.deepEqual(read("88 be"), [["a", "x"]]);
  blocks.skip(hex("40 01 62 01 79"), 0, 5);
  assert.deepEqual(read("88 be"), [["b", "y"]]);
  assert.deepEqual(read("88 bf"), [["a", "x"]]);
  const first = blocks.head(hex("88"), 0, 1);
  assert.equal(blocks.head(hex("88"), 0, 1), first);
  assert.match(read("82") as string, /the field :method/);
  assert.match(read("82") as string, /the field :method/);
  refuses(() => read("ff 80"), "COMPRESSION_ERROR", /unfinished/);
});

Deno.test("settings are kept, those that are not known mean nothing, and wrong ones are refused", () => {
  const settings = new Http2Settings();
  const read = (...pairs: [number, number][]): void => {
    const frame = settingsFrame(pairs);
    settings.read(frame, 9, frame.length);
  };
  read([1, 100], [1, 0], [1, 200], [2, 0], [3, 7], [4, 1000], [5, 20_000], [6, 5000], [99, 1]);
  const { headerTableBytes, leastHeaderTableBytes, maxConcurrentStreams, initialWindowBytes } = settings;
  assert.deepEqual([headerTableBytes, leastHeaderTableBytes], [200, 0]);
  assert.deepEqual([maxConcurrentStreams, initialWindowBytes], [7, 1000]);
  assert.deepEqual([settings.maxFrameBytes, settings.maxHeaderListBytes], [20_000, 5000]);
  for (const push of [1, 2]) refuses(() => read([2, push]), "PROTOCOL_ERROR", /ENABLE_PUSH/);
  refuses(() => read([4, 0x8000_0000]), "FLOW_CONTROL_ERROR", /INITIAL_WINDOW_SIZE/);
  refuses(() => read([5, 16_383]), "PROTOCOL_ERROR", /MAX_FRAME_SIZE/);
  refuses(() => read([5, 0x100_0000]), "PROTOCOL_ERROR", /MAX_FRAME_SIZE/);
});

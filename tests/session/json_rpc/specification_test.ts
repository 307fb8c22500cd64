/**
 * jsonRpc(): every example of the JSON-RPC 2.0 specification, and what it says
 * of ids, errors and batches.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type MethodRequest, TransportError } from "../../../mod.ts";
import { examples, rawPeer } from "./_raw.ts";

/** A message without what the specification leaves open: the data of errors, and their words. */
function plain(text: string): unknown {
  const strip = (reply: Record<string, unknown>): unknown => {
    const error = reply.error as { code: number; data?: unknown } | undefined;
    return error === undefined ? reply : { ...reply, error: { code: error.code } };
  };
  const value = JSON.parse(text);
  return Array.isArray(value) ? value.map(strip) : strip(value);
}

const error = (code: number, id: unknown = null) => ({ jsonrpc: "2.0", error: { code }, id });
const result = (value: unknown, id: unknown) => ({ jsonrpc: "2.0", result: value, id });

const cases: [string, string, unknown][] = [
  ["positional", '{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}', result(19, 1)],
  ["positional, again", '{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}', result(-19, 2)],
  [
    "named",
    '{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}',
    result(19, 3),
  ],
  [
    "named, in another order",
    '{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}',
    result(19, 4),
  ],
  ["a notification", '{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}', undefined],
  ["a notification of nothing known", '{"jsonrpc": "2.0", "method": "foobar"}', undefined],
  ["a method that is not there", '{"jsonrpc": "2.0", "method": "foobar", "id": "1"}', error(-32601, "1")],
  ["invalid JSON", '{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]', error(-32700)],
  ["an invalid request", '{"jsonrpc": "2.0", "method": 1, "params": "bar"}', error(-32600)],
  [
    "a batch of invalid JSON",
    '[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},{"jsonrpc": "2.0", "method"]',
    error(-32700),
  ],
  ["an empty batch", "[]", error(-32600)],
  ["a batch of something else", "[1]", [error(-32600)]],
  ["a batch of much of it", "[1,2,3]", [error(-32600), error(-32600), error(-32600)]],
  [
    "a batch of all there is",
    `[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
      {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
      {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
      {"foo": "boo"},
      {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
      {"jsonrpc": "2.0", "method": "get_data", "id": "9"}]`,
    [result(7, "1"), result(19, "2"), error(-32600), error(-32601, "5"), result(["hello", 5], "9")],
  ],
  [
    "a batch of notifications",
    '[{"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},{"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}]',
    undefined,
  ],
];

Deno.test("jsonRpc() answers every example of the specification as it says", async () => {
  const peer = await rawPeer(examples);
  for (const [what, request, reply] of cases) {
    const heard = (await peer.say(request)).map(plain);
    assert.deepEqual(heard, reply === undefined ? [] : [reply], what);
  }
  await peer.end();
});

Deno.test("jsonRpc() answers with the very id, whatever legal id it is", async () => {
  const peer = await rawPeer(examples);
  const ids = [
    "0",
    "-1",
    "1.5",
    "12345678901234567890",
    "-0",
    "1e400",
    "0.1000000000000000055",
    "9007199254740993",
    '""',
    '"\\ud800"',
    '"grüße"',
    '"__proto__"',
    "null",
  ];
  for (const id of ids) {
    assert.deepEqual(await peer.say(`{"jsonrpc":"2.0","method":"get_data","id":${id}}`), [
      ['{"jsonrpc":"2.0","id":', id, ',"result":["hello",5]}'].join(""),
    ]);
    const batch = await peer.say(
      `[{"jsonrpc":"2.0","method":"echo","params":[{"id":7}],"id":3},{"jsonrpc":"2.0","method":"nothing","id":${id}}]`,
    );
    assert.ok(batch[0].includes(`{"jsonrpc":"2.0","id":${id},"error":{"code":-32601`), `${id}: ${batch}`);
  }
  for (const id of ["{}", "[]", "true", "[1]"]) {
    const [text] = await peer.say(`{"jsonrpc":"2.0","method":"get_data","id":${id}}`);
    assert.deepEqual(plain(text), error(-32600), id);
  }
  await peer.end();
});

Deno.test("jsonRpc() refuses what is no request, says why, and lives on", async () => {
  const peer = await rawPeer(examples, { maxDepth: 10, maxBatchLength: 3, maxMessageBytes: 2000 });
  const refused: [string | Uint8Array, number, RegExp, unknown?][] = [
    ["", -32700, /end of JSON/],
    [new Uint8Array([0x22, 0xff, 0x22]), -32700, /not UTF-8/],
    ["\ufeff{}", -32700, /token/],
    ["null", -32600, /no object/],
    ['"text"', -32600, /no object/],
    ["{}", -32600, /no .*jsonrpc/],
    ['{"method":"sum","id":1}', -32600, /no .*jsonrpc/, 1],
    ['{"jsonrpc":"1.0","method":"sum","id":1}', -32600, /no .*jsonrpc/, 1],
    ['{"jsonrpc":"2.0","method":"sum","params":"bar","id":"x"}', -32600, /params/, "x"],
    ['{"jsonrpc":"2.0","method":"sum","params":null,"id":1}', -32600, /params/, 1],
    [`{"jsonrpc":"2.0","method":"echo","id":1,"params":${"[".repeat(10)}${"]".repeat(10)}}`, -32600, /10 levels/],
    ["[".repeat(100_000), -32600, /more than 2000 bytes/],
    [`[${"1,".repeat(3)}1]`, -32600, /4 items, 3 are allowed/],
    [`"${"x".repeat(2000)}"`, -32600, /more than 2000 bytes/],
  ];
  for (const [message, code, why, id = null] of refused) {
    const [text] = await peer.say(message);
    assert.deepEqual(plain(text), error(code, id), String(message).slice(0, 80));
    assert.match(JSON.parse(text).error.data.details.reason, why);
  }
  const deep = `{"jsonrpc":"2.0","method":"echo","id":1,"params":${"[".repeat(9)}"]]]\\"[[["${"]".repeat(9)}}`;
  assert.equal(JSON.parse((await peer.say(deep))[0]).id, 1);
  assert.equal(peer.session.state, "open");
  await peer.end();
});

Deno.test("jsonRpc() passes over replies that nothing waits for, and those that come twice", async () => {
  const peer = await rawPeer(undefined);
  const call = peer.session.call({ method: "add", params: [1] });
  const [request] = await peer.heard();
  assert.equal(request, '{"jsonrpc":"2.0","id":1,"method":"add","params":[1],"wireway":{}}');
  for (const id of ["2", "1025", "1.5", '"1"', "-1", "2049", "1e300"]) {
    assert.deepEqual(await peer.say(`{"jsonrpc":"2.0","id":${id},"result":"wrong"}`), []);
  }
  assert.equal(peer.session.load, 1);
  await peer.say('{"jsonrpc":"2.0","id":1,"result":"right"}');
  assert.deepEqual(await peer.say('{"jsonrpc":"2.0","id":1,"result":"again"}'), []);
  assert.equal(await call, "right");
  assert.deepEqual([peer.session.load, peer.session.state], [0, "open"]);
  await peer.end();
});

Deno.test("jsonRpc() makes an error of other software a remote one, and of a reply that is none an invalid one", async () => {
  const peer = await rawPeer(undefined);
  const answers: [string, Partial<TransportError>][] = [
    ['"error":{"code":17,"message":"No account","data":[1]}', {
      code: "remote",
      message: "No account",
      processed: "yes",
      details: { code: 17, data: [1] },
      remote: true,
    }],
    ['"error":{"code":-32601,"message":"Method not found"}', { code: "remote", processed: "no" }],
    ['"error":{"code":1,"message":5,"data":{"code":"overloaded"}}', { code: "remote", message: "5" }],
    ['"error":{"code":1,"message":"","data":{"code":"overloaded","processed":"no","retryAfterMs":-1}}', {
      code: "overloaded",
      retryAfterMs: undefined,
    }],
    ['"error":"just a text"', { code: "invalid-reply" }],
    ['"error":null', { code: "invalid-reply" }],
    ['"result":1,"error":{"code":1,"message":"both"}', { code: "invalid-reply" }],
  ];
  for (const [answer, expected] of answers) {
    const call = peer.session.call({ method: "x" }).then(() => assert.fail("answered"), (error) => error);
    const { id } = JSON.parse((await peer.heard())[0]);
    await peer.say(`{"jsonrpc":"2.0","id":${id},${answer}}`);
    const failure = await call;
    assert.ok(failure instanceof TransportError);
    for (const [key, value] of Object.entries(expected)) {
      assert.deepEqual(failure[key as keyof TransportError], value, `${key} of ${answer}`);
    }
  }
  const unread = peer.session.call({ method: "x" }).catch((error) => error.details);
  await peer.heard();
  await peer.say('{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"},"id":null}');
  assert.deepEqual(await unread, { code: -32700 });
  await peer.end();
});

Deno.test("jsonRpc() pollutes no prototype, whatever a message is called", async () => {
  const seen: MethodRequest[] = [];
  const peer = await rawPeer((request) => {
    seen.push(request);
    return null;
  });
  await peer.say(
    '{"jsonrpc":"2.0","id":1,"method":"__proto__","params":{"__proto__":{"bad":1},"constructor":{"prototype":{"bad":1}}},' +
      '"__proto__":{"method":"evil","bad":1},"wireway":{"metadata":{"__proto__":"x","constructor":"y"}}}',
  );
  assert.equal((seen[0] as { method: string }).method, "__proto__");
  assert.equal(({} as Record<string, unknown>).bad, undefined);
  await peer.end();
});

Deno.test("jsonRpc() sends arguments and results that JSON-RPC has no place for all the same", async () => {
  const peer = await rawPeer(() => () => "a function");
  const sent: [unknown, string][] = [
    [undefined, ""],
    [5, ',"params":[5],"wireway":{"bare":true}'],
    ["\ud800", ',"params":["\\ud800"],"wireway":{"bare":true}'],
    [null, ',"params":[null],"wireway":{"bare":true}'],
    [new Date(0), ',"params":["1970-01-01T00:00:00.000Z"],"wireway":{"bare":true}'],
    [{ a: 1 }, ',"params":{"a":1}'],
  ];
  await peer.session.send({ method: "first" });
  await peer.heard();
  for (const [params, text] of sent) {
    await peer.session.send({ method: "m", params });
    assert.deepEqual(await peer.heard(), [`{"jsonrpc":"2.0","method":"m"${text}}`]);
  }
  for (const params of [1n, () => 1, { a: 1n }, Symbol("x")]) {
    assert.throws(() => peer.session.send({ method: "m", params }), { code: "invalid-request" });
  }
  await assert.rejects(peer.session.call({ method: 5 as never }), { code: "invalid-request", processed: "no" });
  assert.deepEqual(
    await peer.say('{"jsonrpc":"2.0","method":"m","id":1}'),
    [
      '{"jsonrpc":"2.0","id":1,"result":null,"wireway":{}}',
    ].map((text) => text.replace(',"wireway":{}', "")),
  );
  await peer.end();
});

/**
 * The negotiation of permessage-deflate, from both ends.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  acceptDeflate,
  type DeflateAgreement,
  offerDeflate,
  parseExtensions,
  readDeflateAnswer,
} from "../../../src/framing/websocket/websocket_extensions.ts";

const anything: DeflateAgreement = {
  serverNoContextTakeover: false,
  clientNoContextTakeover: false,
  serverMaxWindowBits: 15,
  clientMaxWindowBits: 15,
};

/** An agreement in short: `s15 c15`, with `!` where there is no context takeover. */
function short(agreement: DeflateAgreement | undefined): string | undefined {
  if (agreement === undefined) return undefined;
  const { serverNoContextTakeover, clientNoContextTakeover, serverMaxWindowBits, clientMaxWindowBits } = agreement;
  return `s${serverMaxWindowBits}${serverNoContextTakeover ? "!" : ""} c${clientMaxWindowBits}${
    clientNoContextTakeover ? "!" : ""
  }`;
}

Deno.test("parseExtensions() reads names, parameters and values", () => {
  const table: [string, unknown][] = [
    ["foo", [{ name: "foo", parameters: [] }]],
    ["foo, bar", [{ name: "foo", parameters: [] }, { name: "bar", parameters: [] }]],
    ["foo; a; b=1", [{ name: "foo", parameters: [["a", true], ["b", "1"]] }]],
    ['foo;a="1";b = "x\\y" ', [{ name: "foo", parameters: [["a", "1"], ["b", "xy"]] }]],
    ["\tfoo\t;\ta\t=\t1\t,\tbar", [{ name: "foo", parameters: [["a", "1"]] }, { name: "bar", parameters: [] }]],
    ["foo; a; a=2", [{ name: "foo", parameters: [["a", true], ["a", "2"]] }]],
  ];
  for (const [header, expected] of table) assert.deepEqual(parseExtensions(header), expected, header);
});

Deno.test("parseExtensions() refuses what can not be read", () => {
  const headers = ["", ",", "foo,", ",foo", "foo;", "foo;;a", "foo; a=", "foo; =1", "foo bar", "foo; a=1 2", "foo=1"]
    .concat(['foo; a="', 'foo; a=""', 'foo; a="1', 'foo; a="1 2"', 'foo; a="1"2', '"foo"', 'foo; "a"', 'foo; a="\\'])
    .concat(["foo; a=ü", "foo\n", "foo; a=[1]", "fo@o", "foo;a=1;", "foo, ; a"]);
  for (const header of headers) {
    assert.throws(() => parseExtensions(header), { code: "protocol", processed: "no" }, JSON.stringify(header));
  }
});

type Offer = readonly [offer: string, wanted?: Partial<DeflateAgreement>, short?: string, answer?: string];

/** Offers, what the server wants, what they agree on and what it answers. */
const offers: readonly Offer[] = [
  ["permessage-deflate", {}, "s15 c15", ""],
  ["permessage-deflate; client_max_window_bits", {}, "s15 c15", ""],
  ["permessage-deflate; client_max_window_bits=10", {}, "s15 c10", "; client_max_window_bits=10"],
  ["permessage-deflate; client_max_window_bits=8", {}, "s15 c8", "; client_max_window_bits=8"],
  ['permessage-deflate; client_max_window_bits="9"', {}, "s15 c9", "; client_max_window_bits=9"],
  ["permessage-deflate; server_max_window_bits=10", {}, "s10 c15", "; server_max_window_bits=10"],
  ["permessage-deflate; server_max_window_bits=15", {}, "s15 c15", "; server_max_window_bits=15"],
  ["permessage-deflate; server_max_window_bits=8", {}, "s8 c15", "; server_max_window_bits=8"],
  ["permessage-deflate; server_no_context_takeover", {}, "s15! c15", "; server_no_context_takeover"],
  ["permessage-deflate; client_no_context_takeover", {}, "s15 c15!", "; client_no_context_takeover"],
  [
    "permessage-deflate; client_max_window_bits; server_max_window_bits=12; client_no_context_takeover; server_no_context_takeover",
    { clientMaxWindowBits: 11, serverMaxWindowBits: 9 },
    "s9! c11!",
    "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; client_max_window_bits=11",
  ],
  // What the server wants by itself.
  ["permessage-deflate", { serverNoContextTakeover: true }, "s15! c15", "; server_no_context_takeover"],
  ["permessage-deflate", { clientNoContextTakeover: true }, "s15 c15!", "; client_no_context_takeover"],
  ["permessage-deflate", { serverMaxWindowBits: 10 }, "s10 c15", "; server_max_window_bits=10"],
  [
    "permessage-deflate; client_max_window_bits",
    { clientMaxWindowBits: 10 },
    "s15 c10",
    "; client_max_window_bits=10",
  ],
  [
    "permessage-deflate; client_max_window_bits=9",
    { clientMaxWindowBits: 10 },
    "s15 c9",
    "; client_max_window_bits=9",
  ],
  ["permessage-deflate", { clientMaxWindowBits: 10 }],
  // Offers are looked at in their order, and the first that will do is taken.
  [
    "permessage-deflate; unknown, permessage-deflate; client_max_window_bits=9",
    {},
    "s15 c9",
    "; client_max_window_bits=9",
  ],
  ["x-webkit-deflate-frame, permessage-deflate", {}, "s15 c15", ""],
  ["permessage-deflate; server_max_window_bits=9, permessage-deflate", {}, "s9 c15", "; server_max_window_bits=9"],
  [
    "permessage-deflate, permessage-deflate; client_max_window_bits",
    { clientMaxWindowBits: 9 },
    "s15 c9",
    "; client_max_window_bits=9",
  ],
  ["x-webkit-deflate-frame"],
  ["Permessage-Deflate"],
  // What makes an offer invalid.
  ["permessage-deflate; unknown"],
  ["permessage-deflate; unknown=1"],
  ["permessage-deflate; server_no_context_takeover=true"],
  ["permessage-deflate; client_no_context_takeover=1"],
  ["permessage-deflate; server_no_context_takeover; server_no_context_takeover"],
  ["permessage-deflate; client_max_window_bits; client_max_window_bits=10"],
  ["permessage-deflate; server_max_window_bits"],
  ["permessage-deflate; __proto__"],
  ["permessage-deflate; toString"],
  ...["7", "16", "0", "08", "015", "-8", "1e1", "9.0", "x"].flatMap((bits) => [
    [`permessage-deflate; server_max_window_bits=${bits}`] as const,
    [`permessage-deflate; client_max_window_bits=${bits}`] as const,
  ]),
];

for (const [offer, wanted = {}, agreement, answer] of offers) {
  Deno.test(`a server ${agreement === undefined ? "declines" : "accepts"} ${offer}, wanting ${JSON.stringify(wanted)}`, () => {
    const accepted = acceptDeflate(parseExtensions(offer), { ...anything, ...wanted });
    assert.equal(short(accepted?.agreement), agreement);
    assert.equal(accepted?.header, agreement === undefined ? undefined : `permessage-deflate${answer}`);
  });
}

/** What a client wants, what the server answers, and what they agree on or why the client fails. */
const answers: readonly (readonly [wanted: Partial<DeflateAgreement>, answer: string, expected: string | RegExp])[] = [
  [{}, "permessage-deflate", "s15 c15"],
  [{}, "permessage-deflate; server_no_context_takeover", "s15! c15"],
  [{}, "permessage-deflate; client_no_context_takeover", "s15 c15!"],
  [{}, "permessage-deflate; server_max_window_bits=10", "s10 c15"],
  [{}, "permessage-deflate; client_max_window_bits=8", "s15 c8"],
  [{ clientMaxWindowBits: 10 }, "permessage-deflate; client_max_window_bits=12", "s15 c10"],
  [{ clientMaxWindowBits: 10 }, "permessage-deflate", "s15 c10"],
  [{ clientNoContextTakeover: true }, "permessage-deflate", "s15 c15!"],
  [{ serverMaxWindowBits: 10 }, "permessage-deflate; server_max_window_bits=9", "s9 c15"],
  [{ serverNoContextTakeover: true }, "permessage-deflate; server_no_context_takeover", "s15! c15"],
  [{}, "x-other", /the server uses the extension x-other, which was not offered$/],
  [{}, "permessage-deflate, x-other", /the server uses the extension x-other, which was not offered$/],
  [{}, "permessage-deflate, permessage-deflate", /the server uses permessage-deflate twice$/],
  [{}, "permessage-deflate; unknown", /the server's permessage-deflate has the unknown parameter unknown$/],
  [{}, "permessage-deflate; client_max_window_bits", /has no value for client_max_window_bits$/],
  [{}, "permessage-deflate; server_max_window_bits", /has no value for server_max_window_bits$/],
  [{}, "permessage-deflate; server_max_window_bits=7", /has server_max_window_bits=7, allowed is 8 to 15$/],
  [{}, "permessage-deflate; client_max_window_bits=16", /has client_max_window_bits=16, allowed is 8 to 15$/],
  [{}, "permessage-deflate; server_no_context_takeover=1", /has a value for server_no_context_takeover$/],
  [
    {},
    "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
    /has client_no_context_takeover twice$/,
  ],
  [{ serverMaxWindowBits: 10 }, "permessage-deflate", /the server uses a window of 15 bits, 10 were offered$/],
  [
    { serverMaxWindowBits: 10 },
    "permessage-deflate; server_max_window_bits=11",
    /the server uses a window of 11 bits, 10 were offered$/,
  ],
  [{ serverNoContextTakeover: true }, "permessage-deflate", /did not agree to server_no_context_takeover$/],
];

for (const [wanted, answer, expected] of answers) {
  Deno.test(`a client that wants ${JSON.stringify(wanted)} is answered ${answer}`, () => {
    const agree = (): string | undefined =>
      short(readDeflateAnswer(parseExtensions(answer), { ...anything, ...wanted }));
    if (typeof expected === "string") return assert.equal(agree(), expected);
    assert.throws(agree, { code: "protocol", processed: "no", message: expected });
  });
}

Deno.test("a client that offered nothing fails with any extension in the answer, and without one is content", () => {
  assert.throws(() => readDeflateAnswer(parseExtensions("permessage-deflate"), undefined), { code: "protocol" });
  assert.equal(readDeflateAnswer([], undefined), undefined);
  assert.equal(readDeflateAnswer([], anything), undefined);
});

Deno.test("a client offers what it wants, and that it can be asked for a smaller window", () => {
  assert.equal(offerDeflate(anything), "permessage-deflate; client_max_window_bits");
  const wanted = {
    serverNoContextTakeover: true,
    clientNoContextTakeover: true,
    serverMaxWindowBits: 10,
    clientMaxWindowBits: 9,
  };
  assert.equal(
    offerDeflate(wanted),
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10; client_max_window_bits=9",
  );
});

Deno.test("whatever the two ends want, they come to the same agreement, or to none", () => {
  const wishes: DeflateAgreement[] = [];
  for (const serverNoContextTakeover of [false, true]) {
    for (const clientNoContextTakeover of [false, true]) {
      for (const serverMaxWindowBits of [8, 11, 15]) {
        for (const clientMaxWindowBits of [8, 11, 15]) {
          wishes.push({ serverNoContextTakeover, clientNoContextTakeover, serverMaxWindowBits, clientMaxWindowBits });
        }
      }
    }
  }
  for (const client of wishes) {
    for (const server of wishes) {
      const accepted = acceptDeflate(parseExtensions(offerDeflate(client)), server);
      assert.ok(accepted !== undefined);
      assert.deepEqual(readDeflateAnswer(parseExtensions(accepted.header), client), accepted.agreement);
      for (const side of [client, server]) {
        assert.ok(accepted.agreement.serverMaxWindowBits <= side.serverMaxWindowBits);
        assert.ok(accepted.agreement.clientMaxWindowBits <= side.clientMaxWindowBits);
        assert.ok(accepted.agreement.serverNoContextTakeover || !side.serverNoContextTakeover);
        assert.ok(accepted.agreement.clientNoContextTakeover || !side.clientNoContextTakeover);
      }
    }
  }
});

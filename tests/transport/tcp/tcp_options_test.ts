/**
 * The options of tcp() and memory(): what is refused, what is said of them, and
 * what their observers hear.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  type ChannelTransport,
  describe,
  formatAddress,
  lengthPrefix,
  memory,
  tcp,
  TransportError,
  type TransportEvent,
} from "../../../mod.ts";
import { testCert, testKey } from "../../support/certs.ts";
import { join, part, Recorder } from "../../support/channels.ts";

function checkRefused(make: () => unknown, message: string): void {
  assert.throws(make, (error) => {
    assert.ok(error instanceof TransportError, String(error));
    assert.equal(error.code, "invalid-option");
    assert.equal(error.message, message);
    return true;
  });
}

Deno.test("tcp() refuses options that are not allowed, naming the option, what was given and what is allowed", () => {
  const time = "a time in milliseconds of at least 1, or Infinity";
  const cases: [object, string][] = [
    [{ port: 65_536 }, "option port is 65536, allowed is an integer from 0 to 65535"],
    [{ port: "80" }, 'option port is "80", allowed is an integer from 0 to 65535'],
    [{}, "option port is undefined, allowed is a port, or else a path: one of the two"],
    [{ port: 1, path: "/tmp/x" }, "option port is 1, allowed is a port, or else a path: one of the two"],
    [{ port: 1, hostname: "" }, 'option hostname is "", allowed is a text that is not empty'],
    [{ port: 1, noDelay: 1 }, "option noDelay is 1, allowed is true or false"],
    [{ port: 1, keepAlive: "on" }, 'option keepAlive is "on", allowed is true or false'],
    [{ port: 1, backlog: 0 }, "option backlog is 0, allowed is an integer from 1 to 65535"],
    [{ port: 1, maxConnections: 0 }, "option maxConnections is 0, allowed is an integer from 1 to 10000000"],
    [{ port: 1, connectTimeoutMs: 0 }, `option connectTimeoutMs is 0, allowed is ${time}`],
    [{ port: 1, idleTimeoutMs: NaN }, `option idleTimeoutMs is NaN, allowed is ${time}`],
    [{ port: 1, frameTimeoutMs: "1 s" }, `option frameTimeoutMs is "1 s", allowed is ${time}`],
    [{ port: 1, lingerMs: -1 }, "option lingerMs is -1, allowed is a time in milliseconds of at least 0, or Infinity"],
    [{ port: 1, highWaterBytes: -1 }, "option highWaterBytes is -1, allowed is an integer from 0 to 2147483647"],
    [{ port: 1, maxBufferedBytes: 0.5 }, "option maxBufferedBytes is 0.5, allowed is an integer from 1 to 2147483647"],
    [
      { port: 1, maxBufferedBytes: 1000 },
      "option maxBufferedBytes is 1000, allowed is highWaterBytes (262144) or more",
    ],
    [{ port: 1, framing: "lines" }, 'option framing is "lines", allowed is an object'],
    [{ port: 1, observer: {} }, "option observer is an object, allowed is a function"],
    [{ port: 1, tls: "yes" }, 'option tls is "yes", allowed is true, false or TLS options'],
    [{ port: 1, tls: { cert: testCert } }, 'option tls is "half a pair", allowed is cert and key together, or neither'],
    [{ port: 1, tls: { caCerts: testCert } }, 'option caCerts is "-----BEGIN CERTIFICATE-----\\nMIIB'],
    [{ port: 1, tls: { certs: [] } }, 'it has no option "certs", only cert, key, caCerts, serverName, alpnProtocols'],
    [{ path: "/tmp/x", tls: true }, 'option tls is "given", allowed is none on a unix socket'],
  ];
  for (const [options, message] of cases) {
    // deno-lint-ignore no-explicit-any
    const make = () => tcp(options as any);
    if (message.includes("MIIB")) assert.throws(make, /option caCerts is ".*…", allowed is a list$/);
    else checkRefused(make, `Cannot use tcp(): ${message}`);
  }
  const unknown: object = { timeout: 5 };
  assert.throws(
    () => tcp({ port: 1, ...unknown }),
    /^TransportError: Cannot use tcp\(\): it has no option "timeout", only hostname, port, /,
  );
});

Deno.test("memory() refuses options that are not allowed, naming the option, what was given and what is allowed", () => {
  const cases: [object, string][] = [
    [{ name: "" }, 'option name is "", allowed is a text that is not empty'],
    [{ maxMessageBytes: 0 }, "option maxMessageBytes is 0, allowed is an integer from 1 to 2147483647"],
    [{ highWaterBytes: 1.5 }, "option highWaterBytes is 1.5, allowed is an integer from 0 to 2147483647"],
    [{ maxBufferedBytes: 0 }, "option maxBufferedBytes is 0, allowed is an integer from 1 to 2147483647"],
    [{ maxBufferedBytes: 1000 }, "option maxBufferedBytes is 1000, allowed is highWaterBytes (262144) or more"],
    [{ maxConnections: -1 }, "option maxConnections is -1, allowed is an integer from 1 to 10000000"],
    [{ lingerMs: "2 s" }, 'option lingerMs is "2 s", allowed is a time in milliseconds of at least 0, or Infinity'],
    [{ clock: 5 }, "option clock is 5, allowed is an object"],
  ];
  // deno-lint-ignore no-explicit-any
  for (const [options, message] of cases) checkRefused(() => memory(options as any), `Cannot use memory(): ${message}`);
});

Deno.test("describe() shows the settings of tcp() and none of its secrets", () => {
  const shown = describe(tcp({ port: 9000, tls: { cert: testCert, key: testKey, serverName: "orders.example" } }));
  for (const secret of ["BEGIN", "PRIVATE", testKey.split("\n")[1], testCert.split("\n")[1]]) {
    assert.ok(!shown.includes(secret), shown);
  }
  for (
    const setting of [
      'tcp({ hostname: "127.0.0.1", port: 9000, ',
      "noDelay: true",
      "maxConnections: 65536",
      "idleTimeoutMs: Infinity",
      "framing: lengthPrefix({ bytes: 4, maxBytes: 16777216 })",
      "tls: true",
    ]
  ) assert.ok(shown.includes(setting), `${setting} is in ${shown}`);
  assert.doesNotMatch(shown, /heartbeatMs|livenessMs/, "which are no options of it");
  assert.match(
    describe(tcp({ path: "/run/x", framing: lengthPrefix({ bytes: 2 }) })),
    /path: "\/run\/x", .*framing: lengthPrefix\(\{ bytes: 2, /,
  );
  assert.match(describe(memory({ name: "orders" })), /^memory\(\{ name: "orders", maxMessageBytes: 16777216, /);
});

const observed: Record<string, (observer: (event: TransportEvent) => void) => ChannelTransport> = {
  "memory()": (observer) => memory({ observer }),
  "tcp()": (observer) => {
    let port = 0;
    return {
      dial: () => tcp({ port, observer }).dial(),
      async listen(accept) {
        const listener = await tcp({ port: 0, observer }).listen(accept);
        port = listener.addr.port!;
        return listener;
      },
    };
  },
};

for (const [name, make] of Object.entries(observed)) {
  Deno.test(`${name} tells its observer of each connection on both sides, with the reason of a bad end`, async () => {
    const events: TransportEvent[] = [];
    const pair = await join(make((event) => events.push(event)));
    const [near, far] = [new Recorder(), new Recorder()];
    pair.near.receive(near);
    pair.far.receive(far);
    const reason = new TransportError("cancelled", "Test: pulled the plug");
    pair.far.abort(reason);
    await near.until(() => near.ends + near.closes > 0, "the end");
    await part(pair, near, far);
    const of = (side: string) => events.filter((event) => "side" in event && event.side === side);
    for (const side of ["client", "server"]) {
      assert.deepEqual(of(side).map(({ type }) => type), ["connection-opened", "connection-closed"]);
    }
    const [opened, closed] = of("server");
    assert.ok(opened.type === "connection-opened" && closed.type === "connection-closed");
    assert.equal(formatAddress(opened.local), formatAddress(pair.listener.addr));
    assert.deepEqual(opened.remote, closed.remote);
    assert.equal(closed.error, reason);
  });

  Deno.test(`${name} is not disturbed by an observer that throws`, async () => {
    const pair = await join(make(() => {
      throw new Error("Test: the observer is broken");
    }));
    const [near, far] = [new Recorder(), new Recorder((message) => pair.far.send(message))];
    pair.near.receive(near);
    pair.far.receive(far);
    await pair.near.send("hello");
    await near.count(1);
    await part(pair, near, far);
  });
}

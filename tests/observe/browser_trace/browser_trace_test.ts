/**
 * One trace through a page in Chromium, an HTTP server, a service behind it and
 * back: three processes, of which two export by protobuf and one by JSON.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { chromium, openPage } from "../../support/browser.ts";
import { bundleOf } from "../../support/bundle.ts";
import { peerTest } from "../../support/peer.ts";
import { type RunningProcess, start } from "../../support/process.ts";
import { type CollectedSpan, Collector } from "../_collector.ts";
import { argumentsOf, exportingTo, root } from "../_exporting.ts";

/** Clocks of a page and of a process differ by no more, on one host. */
const skewMs = 50;

/** Starts a program with Deno's exporter on; gives what it prints first, too. */
async function startExporting(
  program: string,
  service: string,
  collector: Collector,
  args: string[] = [],
): Promise<{ process: RunningProcess; ports: Record<string, number> }> {
  const env = exportingTo(collector, { OTEL_SERVICE_NAME: service });
  const process = start(Deno.execPath(), [...argumentsOf(`./browser_trace/${program}`), ...args], { cwd: root, env });
  const [line] = await process.until(/^\{.*\}$/);
  return { process, ports: JSON.parse(line) };
}

/** Runs the page and both programs to their end; gives what the page found, and where everything was. */
async function runAll(collector: Collector): Promise<{
  traceId: string;
  replies: string[];
  ports: Record<string, number>;
}> {
  const folder = await Deno.makeTempDir();
  try {
    const script = await bundleOf(new URL("_page.ts", import.meta.url), folder);
    const stock = await startExporting("_stock_program.ts", "stock", collector);
    await using _stock = stock.process;
    const shop = await startExporting("_shop_program.ts", "shop", collector, [`${stock.ports.tcp}`, script]);
    await using _shop = shop.process;
    const page = new URL(`http://127.0.0.1:${shop.ports.http}/`);
    page.searchParams.set("collector", collector.endpoint);
    page.searchParams.set("stock", `ws://127.0.0.1:${stock.ports.webSocket}/`);
    await using open = await openPage(page.href);
    await open.until("document.title.startsWith('{')");
    return { ...JSON.parse(await open.page.title()), ports: { ...stock.ports, ...shop.ports } };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The spans of a trace from its root down, each below its parent and in the order of their beginning. */
function walked(spans: readonly CollectedSpan[], parentId = "", depth = 0): { depth: number; span: CollectedSpan }[] {
  const children = spans.filter(({ parentSpanId }) => parentSpanId === parentId).sort((a, b) => a.startMs - b.startMs);
  return children.flatMap((span) => [{ depth, span }, ...walked(spans, span.spanId, depth + 1)]);
}

const kinds = ["", "internal", "server", "client"];

/** The attributes of a span without those that differ from run to run. */
function steady({ attributes }: CollectedSpan): Record<string, unknown> {
  const { "client.port": _, "network.peer.port": __, "user_agent.original": ___, ...rest } = attributes;
  return rest;
}

peerTest(
  "one trace runs from a page through HTTP to TCP and back, and over a WebSocket and back",
  [chromium],
  async (t) => {
    await using collector = new Collector();
    const { traceId, replies, ports } = await runAll(collector);
    assert.deepEqual(replies, [
      "200 lamp reserved, lamp confirmed by the shop",
      "chair reserved, chair confirmed by the page",
      "503",
      "overloaded",
    ]);
    const spans = collector.spans.filter((span) => span.traceId === traceId);
    const tree = walked(spans);
    const found = (service: string, name: string, kind: number, failed = false): CollectedSpan[] =>
      spans.filter((span) =>
        span.service === service && span.name === name && span.kind === kind && span.status === (failed ? 2 : 0)
      );

    await t.step("each span is below the one that caused it, in whatever process", () => {
      const lines = tree.map(({ depth, span: { service, scope, kind, name, status } }) =>
        `${"  ".repeat(depth)}${service}: ${scope} ${kinds[kind]} ${name}${status === 2 ? " failed" : ""}`
      );
      assert.deepEqual(lines, [
        "page: page internal checkout",
        "  page: wireway client POST",
        "    shop: deno server POST",
        "      shop: wireway internal POST /orders/:id",
        "        shop: wireway client Stock/reserve",
        "          stock: wireway server Stock/reserve",
        "            stock: wireway client Customer/confirm",
        "              shop: wireway server Customer/confirm",
        "  page: wireway client Stock/reserve",
        "    stock: wireway server Stock/reserve",
        "      stock: wireway client Customer/confirm",
        "        page: wireway server Customer/confirm",
        "  page: wireway client POST failed",
        "    shop: deno server POST failed",
        "      shop: wireway internal POST /orders/:id failed",
        "        shop: wireway client Stock/reserve failed",
        "          stock: wireway server Stock/reserve failed",
        "  page: wireway client Stock/reserve failed",
        "    stock: wireway server Stock/reserve failed",
      ]);
      assert.equal(tree.length, spans.length, "no span of the trace has a parent that is unknown");
    });

    await t.step("the page exports JSON, and Deno protobuf", () => {
      const types = new Set(spans.map(({ service, type }) => `${service}: ${type}`));
      assert.deepEqual([...types].sort(), [
        "page: application/json",
        "shop: application/x-protobuf",
        "stock: application/x-protobuf",
      ]);
    });

    await t.step("HTTP is told of by its conventions on both sides", () => {
      const place = { "server.address": "127.0.0.1", "server.port": ports.http };
      const [post] = found("page", "POST", 3);
      assert.deepEqual(post.attributes, {
        "http.request.method": "POST",
        "url.full": `http://127.0.0.1:${ports.http}/orders/1`,
        "http.response.status_code": 200,
        ...place,
      });
      const [platform] = found("shop", "POST", 2);
      assert.deepEqual(
        [platform.attributes["http.request.method"], platform.attributes["url.path"]],
        ["POST", "/orders/1"],
      );
      const [handler] = found("shop", "POST /orders/:id", 1);
      assert.deepEqual(steady(handler), {
        "http.request.method": "POST",
        "http.route": "/orders/:id",
        "http.response.status_code": 200,
        "url.scheme": "http",
        "url.path": "/orders/1",
        "client.address": "127.0.0.1",
        "network.peer.address": "127.0.0.1",
        ...place,
      });
    });

    await t.step(
      "calls are told of by their conventions on both sides of TCP and WebSocket, and when called back",
      () => {
        const reserve = { "rpc.system.name": "wireway", "rpc.method": "Stock/reserve" };
        const confirm = { "rpc.system.name": "wireway", "rpc.method": "Customer/confirm" };
        const place = (port: number) => ({
          "server.address": "127.0.0.1",
          "server.port": port,
          "network.transport": "tcp",
        });
        const peer = { "client.address": "127.0.0.1", "network.peer.address": "127.0.0.1" };
        assert.deepEqual(found("shop", "Stock/reserve", 3)[0].attributes, { ...reserve, ...place(ports.tcp) });
        assert.deepEqual(found("page", "Stock/reserve", 3)[0].attributes, { ...reserve, ...place(ports.webSocket) });
        const served = found("stock", "Stock/reserve", 2).sort((a, b) => a.startMs - b.startMs);
        assert.deepEqual(served.map(steady), [
          { ...reserve, ...place(ports.tcp), ...peer },
          { ...reserve, ...place(ports.webSocket), ...peer },
        ]);
        for (const { attributes } of found("stock", "Customer/confirm", 3)) assert.deepEqual(attributes, confirm);
        // Called back, the shop is the server, on the port that it called from.
        const { attributes } = found("shop", "Customer/confirm", 2)[0];
        assert.equal(attributes["server.port"], served[0].attributes["client.port"]);
        assert.equal(attributes["client.port"], ports.tcp);
        assert.deepEqual([attributes["rpc.method"], attributes["network.transport"]], ["Customer/confirm", "tcp"]);
        const inPage = found("page", "Customer/confirm", 2)[0].attributes;
        assert.deepEqual(steady({ ...served[0], attributes: inPage }), {
          ...confirm,
          ...peer,
          "network.transport": "tcp",
        });
        assert.equal(inPage["client.port"], ports.webSocket);
      },
    );

    await t.step("a failing call says why, the same in each process", () => {
      const failed = tree.map(({ span }) => span).filter(({ status }) => status === 2);
      const told = failed.map(({ service, scope, attributes, message }) =>
        [service, scope, attributes["error.type"], attributes["rpc.response.status_code"], message].join(" | ")
      );
      const why = "Cannot reserve a unicorn: none is left";
      assert.deepEqual(told, [
        "page | wireway | 503 |  | ",
        "shop | deno | 503 |  | ",
        `shop | wireway | overloaded |  | ${why}`,
        `shop | wireway | overloaded | overloaded | ${why}`,
        `stock | wireway | overloaded | overloaded | ${why}`,
        `page | wireway | overloaded | overloaded | ${why}`,
        `stock | wireway | overloaded | overloaded | ${why}`,
      ]);
      assert.equal(found("page", "POST", 3, true)[0].attributes["http.response.status_code"], 503);
    });

    await t.step("each call lies within the call that made it", () => {
      const byId = new Map(spans.map((span) => [span.spanId, span]));
      for (const span of spans) {
        const parent = byId.get(span.parentSpanId);
        if (parent === undefined) continue;
        // A span of the platform's server may end a little before or after its handler's.
        const slackMs = parent.service === span.service && parent.scope === span.scope ? 1 : skewMs;
        const what = `${parent.service} ${parent.name} > ${span.service} ${span.name}`;
        assert.ok(span.startMs <= span.endMs, `${what} ends after it began`);
        assert.ok(span.startMs >= parent.startMs - slackMs, `${what} began ${parent.startMs - span.startMs} ms early`);
        assert.ok(span.endMs <= parent.endMs + slackMs, `${what} ended ${span.endMs - parent.endMs} ms late`);
      }
    });
  },
);

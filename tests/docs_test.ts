/**
 * Everything that is exported says what it is and shows how it is used, and
 * the examples compile.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "./support/process.ts";

const root = fileURLToPath(new URL("../", import.meta.url));

/** What `deno doc --json` says, as far as it is looked at here. */
interface Docs {
  nodes: Record<string, { module_doc?: JsDoc; symbols: { name: string; declarations: Declaration[] }[] }>;
}

interface JsDoc {
  doc?: string;
  tags?: { kind: string; doc?: string }[];
}

interface Declaration {
  location: { filename: string; line: number };
  jsDoc?: JsDoc;
}

const { exports } = JSON.parse(await Deno.readTextFile(join(root, "deno.json"))) as {
  exports: string | Record<string, string>;
};
const entryPoints = typeof exports === "string" ? [exports] : Object.values(exports);

let read: Promise<Docs> | undefined;
/** The docs of all entry points, each read by itself: together, the later ones would only refer to the first. */
function docs(): Promise<Docs> {
  return read ??= Promise.all(entryPoints.map(async (entry) => {
    const { code, stdout, stderr } = await run(Deno.execPath(), ["doc", "--json", entry], {
      cwd: root,
      timeoutMs: 60_000,
    });
    assert.equal(code, 0, stderr);
    return (JSON.parse(stdout) as Docs).nodes;
  })).then((all) => ({ nodes: Object.assign({}, ...all) }));
}

function tagged({ jsDoc }: Declaration, kind: string): boolean {
  return jsDoc?.tags?.some((tag) => tag.kind === kind && (tag.doc ?? "").includes("```ts")) ?? false;
}

Deno.test("every entry point says what it is", async () => {
  const { nodes } = await docs();
  assert.equal(Object.keys(nodes).length, new Set(entryPoints).size);
  const missing = Object.entries(nodes).filter(([, { module_doc }]) => (module_doc?.doc ?? "").trim().length < 20);
  assert.deepEqual(missing.map(([url]) => url), []);
});

Deno.test("everything that is exported says what it is and shows an example", async () => {
  const { nodes } = await docs();
  const symbols = Object.values(nodes).flatMap((node) => node.symbols);
  assert.ok(symbols.length > 50, `${symbols.length} symbols`);
  const missing = new Set<string>();
  for (const { name, declarations } of symbols) {
    const where = `${name} (${declarations[0].location.filename.split("/src/").pop()})`;
    if (!declarations.some((one) => (one.jsDoc?.doc ?? "").trim() !== "")) missing.add(`${where}: words`);
    if (!declarations.some((one) => tagged(one, "example"))) missing.add(`${where}: an example`);
  }
  assert.deepEqual([...missing].sort(), []);
});

Deno.test("the examples compile", async () => {
  const { nodes } = await docs();
  const files = new Set(
    Object.values(nodes).flatMap((node) => node.symbols).flatMap((symbol) => symbol.declarations)
      .map((declaration) => fileURLToPath(declaration.location.filename)),
  );
  assert.ok(files.size > 15, `${files.size} files`);
  const result = await run(Deno.execPath(), ["check", "--doc", ...entryPoints, ...files], {
    cwd: root,
    timeoutMs: 120_000,
    env: { NO_COLOR: "1" },
  });
  assert.equal(result.code, 0, result.stderr);
});

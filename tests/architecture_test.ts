/**
 * The rules of DESIGN.md on who may import whom, and that nothing happens at
 * load.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "./support/process.ts";

const root = fileURLToPath(new URL("../", import.meta.url));

/** One import of a file. */
interface Import {
  /** As it is written. */
  readonly specifier: string;
  /** The path from the root, where it is a file of ours. */
  readonly path: string | undefined;
  /** Whether nothing is left of it at run time. */
  readonly typeOnly: boolean;
}

/** One file of the project. */
interface SourceFile {
  /** From the root. */
  readonly path: string;
  /** Without its comments. */
  readonly code: string;
  readonly imports: readonly Import[];
}

/** Which rooms of src may be imported by each, beside itself. */
const allowed: Record<string, string[]> = {
  core: ["util"],
  util: [],
  call: ["core", "util"],
  endpoint: ["core", "util"],
  session: ["core", "util"],
  channel: ["core", "util"],
  framing: ["core", "util"],
  transport: ["core", "util", "framing"],
  observe: ["core", "util"],
  tuning: ["core", "util"],
};

/** Rooms that may say `Deno`. */
const platformRooms = ["transport", "tuning"];

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "$1");
}

function importsOf(path: string, code: string): Import[] {
  const imports: Import[] = [];
  const add = (specifier: string, typeOnly: boolean): void => {
    const ours = specifier.startsWith(".");
    imports.push({ specifier, path: ours ? join(dirname(path), specifier) : undefined, typeOnly });
  };
  for (const match of code.matchAll(/^\s*(?:import|export)\s+(type\s+)?([^"';]*?)\s*from\s*["']([^"']+)["']/gm)) {
    const names = /^\{([\s\S]*)\}$/.exec(match[2])?.[1].split(",").map((name) => name.trim()).filter(Boolean);
    add(match[3], match[1] !== undefined || (names?.every((name) => name.startsWith("type ")) ?? false));
  }
  for (const match of code.matchAll(/^\s*import\s*["']([^"']+)["']/gm)) add(match[1], false);
  for (const match of code.matchAll(/\bimport\(\s*["']([^"']+)["']/g)) add(match[1], false);
  return imports;
}

function sourcesIn(folder: string): SourceFile[] {
  return Array.from(Deno.readDirSync(join(root, folder))).flatMap((entry): SourceFile[] => {
    const path = join(folder, entry.name);
    if (entry.isDirectory) return sourcesIn(path);
    if (!entry.name.endsWith(".ts")) return [];
    const code = withoutComments(Deno.readTextFileSync(join(root, path)));
    return [{ path, code, imports: importsOf(path, code) }];
  });
}

/** The room of a file: `core` for `src/core/chain.ts`; undefined for what stands on top. */
function roomOf(path: string): string | undefined {
  return /^src\/([^/]+)\//.exec(path)?.[1];
}

const sources = sourcesIn("src");

Deno.test("the imports of a file are found, whatever their form", () => {
  const code = withoutComments(`
    /** import { a } from "./comment.ts"; */
    import { type A, b } from "./one.ts"; // import "./line.ts"
    import type { C } from "../two.ts";
    import { type D, type E } from "./three.ts";
    export * from "./four.ts";
    export {
      f,
    } from "./five.ts";
    import "./six.ts";
    const g = await import("./seven.ts");
    import h from "npm:hono";
    const url = "https://not.a/comment";
  `);
  assert.match(code, /not\.a\/comment/);
  const found = importsOf("src/core/x.ts", code).map(({ path, specifier, typeOnly }) =>
    `${path ?? specifier}${typeOnly ? " (type)" : ""}`
  );
  assert.deepEqual(found, [
    "src/core/one.ts",
    "src/two.ts (type)",
    "src/core/three.ts (type)",
    "src/core/four.ts",
    "src/core/five.ts",
    "npm:hono",
    "src/core/six.ts",
    "src/core/seven.ts",
  ]);
});

Deno.test("imports point one way", () => {
  assert.ok(sources.length > 30, `${sources.length} files`);
  const wrong: string[] = [];
  for (const { path, imports } of sources) {
    const room = roomOf(path);
    if (room === undefined) continue;
    assert.ok(room in allowed, `${path} stands in a room that the design does not know`);
    for (const { path: target, specifier } of imports) {
      if (target === undefined) continue;
      const other = roomOf(target);
      if (other === room || (other !== undefined && allowed[room].includes(other))) continue;
      wrong.push(`${path} imports ${specifier}`);
    }
  }
  assert.deepEqual(wrong, []);
});

Deno.test("nothing in src imports what stands outside of it", () => {
  const wrong = sources.flatMap(({ path, imports }) =>
    imports.filter((one) => one.path !== undefined && !one.path.startsWith("src/")).map((one) =>
      `${path} imports ${one.specifier}`
    )
  );
  assert.deepEqual(wrong, []);
});

Deno.test("core and util need nothing of anybody else's", () => {
  const wrong = sources.filter(({ path }) => ["core", "util"].includes(roomOf(path) ?? "")).flatMap((
    { path, imports },
  ) => imports.filter((one) => one.path === undefined).map((one) => `${path} imports ${one.specifier}`));
  assert.deepEqual(wrong, []);
});

Deno.test("src is built on four packages, each known to one room: for telemetry, deflate, and the config file", () => {
  const packages = sources.flatMap(({ path, imports }) =>
    imports.filter((one) => one.path === undefined && !one.specifier.startsWith("node:")).map((one) =>
      `${roomOf(path)}: ${one.specifier}`
    )
  );
  // A config file is read with comments and its places by jsonc-parser, and checked by zod: neither is loaded by mod.ts.
  assert.deepEqual([...new Set(packages)].sort(), [
    "channel: fflate/browser",
    "observe: @opentelemetry/api",
    "tuning: jsonc-parser",
    "tuning: zod",
  ]);
  const config = sources.filter(({ imports }) =>
    imports.some(({ specifier }) => /^(zod|jsonc-parser)$/.test(specifier))
  );
  assert.deepEqual([...new Set(config.map(({ path }) => dirname(path)))], ["src/tuning/config"]);
});

Deno.test("only transports and tuning speak of Deno", () => {
  const wrong = sources.filter(({ path, code }) =>
    !platformRooms.includes(roomOf(path) ?? "") && /\bDeno\b/.test(code)
  );
  assert.deepEqual(wrong.map(({ path }) => path), []);
  assert.ok(sources.some(({ code }) => /\bDeno\./.test(code)), "somebody does");
});

Deno.test("no files import each other in a circle", () => {
  const next = new Map(sources.map(({ path, imports }) => [
    path,
    imports.filter((one) => one.path !== undefined && !one.typeOnly).map((one) => one.path!),
  ]));
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (path: string, above: string[]): void => {
    const start = above.indexOf(path);
    if (start >= 0) circles.push([...above.slice(start), path].join(" → "));
    if (start >= 0 || done.has(path)) return;
    done.add(path);
    for (const target of next.get(path) ?? []) visit(target, [...above, path]);
  };
  for (const path of next.keys()) visit(path, []);
  assert.deepEqual(circles, []);
});

Deno.test("all of src loads where there is no Deno and nothing may be opened, and then the program ends", async () => {
  // A codec of node: is loaded with the first connection that wants it. That nothing loads it before, mod.ts shows.
  const codecs = sources.filter(({ code }) => /from "node:/.test(code)).map(({ path }) => path);
  const late = sources.filter(({ path, imports }) =>
    codecs.includes(path) || imports.some((one) => !one.typeOnly && codecs.includes(one.path ?? ""))
  ).map(({ path }) => path);
  const files = [...sources.map(({ path }) => path).filter((path) => !late.includes(path)), "mod.ts"].map((path) =>
    new URL(`../${path}`, import.meta.url).href
  );
  // To load a package in the old format of Node, Deno needs its own global; what the package does comes before.
  const script = `
    await import("@opentelemetry/api");
    await import("jsonc-parser");
    delete globalThis.Deno;
    if (typeof Deno !== "undefined") throw new Error("Deno is still there");
    const files = ${JSON.stringify(files)};
    for (const file of files) await import(file);
    console.log("loaded", files.length);
  `;
  // Reading is allowed, since the modules are files; nothing else is.
  const args = ["run", "--no-check", "--no-prompt", "--cached-only", `--allow-read=${root}`, "-"];
  const result = await run(Deno.execPath(), args, { stdin: script, timeoutMs: 60_000, cwd: root });
  assert.equal(result.code, 0, result.stderr);
  assert.equal(result.stdout, `loaded ${files.length}\n`);
});

Deno.test("mod.ts only hands on what others export", () => {
  const code = withoutComments(Deno.readTextFileSync(join(root, "mod.ts")));
  const rest = code.replaceAll(/export (type )?(\*|\{[^}]*\}) from "\.\/src\/[^"]+";/g, "");
  assert.equal(rest.trim(), "");
});

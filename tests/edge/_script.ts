/**
 * The scenario as a program, for Node and Bun.
 *
 * @module
 */

import { scenario } from "./_scenario.ts";

console.log(JSON.stringify({ deno: typeof Deno, result: await scenario() }));

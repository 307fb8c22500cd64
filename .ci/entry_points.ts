/**
 * Prints the entry points of the package, for tools that want them by name.
 *
 * @module
 */

const { exports } = JSON.parse(Deno.readTextFileSync(new URL("../deno.json", import.meta.url)));
console.log(Object.values(exports).join(" "));

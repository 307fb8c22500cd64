/**
 * A program that serves MCP on its standard input and output.
 *
 * @module
 */

import { newline, stdio } from "../../mod.ts";
import { serveMcp } from "../../adapters/mcp.ts";
import { connecting } from "./_mcp.ts";

const generation = Deno.args[0] as keyof typeof connecting;
await serveMcp(stdio({ framing: newline() }), connecting[generation]);

/**
 * Whether a host's limits suit a load: reads them, compares them, and says in
 * words and commands what to change. Changes nothing itself.
 *
 * @module
 */

import type { Finding } from "./diagnose.ts";

export { diagnose, type Finding, type HostLoad } from "./diagnose.ts";
export { steadyV8Flags } from "./garbage.ts";
export { type HostLimits, hostLimits, type ReadHostFile } from "./host_limits.ts";

const marks: Readonly<Record<Finding["verdict"], string>> = { good: "good   ", change: "CHANGE ", unknown: "unknown" };

/**
 * The findings as a text: each with its reason, then all commands together.
 *
 * @example
 * ```ts
 * import { diagnose, hostLimits, showFindings } from "@wireway/wireway/doctor";
 * console.log(showFindings(diagnose(hostLimits(), { connections: 10_000 })));
 * ```
 */
export function showFindings(findings: readonly Finding[]): string {
  const lines = findings.map(({ name, verdict, now, why }) => `${marks[verdict]} ${name}: ${now}\n        ${why}`);
  const commands = findings.flatMap(({ name, commands }) => commands.map((command) => `  ${command}  # ${name}`));
  const unknown = findings.filter(({ verdict }) => verdict === "unknown").length;
  if (unknown > 0) lines.push(`${unknown} limits could not be read: they are Linux', and need --allow-all`);
  lines.push(
    commands.length === 0
      ? "Nothing is to be changed that is known."
      : `To change, for this start of the host:\n${commands.join("\n")}`,
  );
  return lines.join("\n");
}

/**
 * Finds undici where Deno has installed it, for a program that Node runs.
 *
 * @module
 */

/** Names the package, so that it is installed with the others. */
export type { Pool } from "undici";

/** The folder of the package; undefined where it is not installed. */
export async function undiciFolder(): Promise<string | undefined> {
  const args = ["info", "--json", import.meta.filename!];
  const { success, stdout } = await new Deno.Command(Deno.execPath(), { args, stderr: "null" }).output();
  if (!success) return undefined;
  const { npmPackages } = JSON.parse(new TextDecoder().decode(stdout));
  const packages = Object.values(npmPackages ?? {}) as { name: string; localPath?: string }[];
  return packages.find(({ name }) => name === "undici")?.localPath;
}

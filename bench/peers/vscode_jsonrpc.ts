/**
 * Finds vscode-jsonrpc where Deno has installed it, for a program that Node
 * runs.
 *
 * @module
 */

/** Names the package, so that it is installed with the others. */
export type { MessageConnection } from "vscode-jsonrpc";

/** The folder of the package; undefined where it is not installed. */
export async function vscodeJsonRpcFolder(): Promise<string | undefined> {
  const args = ["info", "--json", import.meta.filename!];
  const { success, stdout } = await new Deno.Command(Deno.execPath(), { args, stderr: "null" }).output();
  const { npmPackages } = success ? JSON.parse(new TextDecoder().decode(stdout)) : {};
  const packages = Object.values(npmPackages ?? {}) as { name: string; localPath?: string }[];
  return packages.find(({ name }) => name === "vscode-jsonrpc")?.localPath;
}

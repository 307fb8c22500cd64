/**
 * The text of a config file: what it says, and where.
 *
 * @module
 */

import {
  createScanner,
  findNodeAtLocation,
  getNodeValue,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from "jsonc-parser";
import { type ConfigPath, ConfigProblems, showPath } from "./config_problems.ts";

/** The longest file that is read, in characters: settings are no data. */
export const maxConfigLength = 1024 * 1024;

/** How deep objects and lists may stand in each other: settings are never that deep, and readers of trees go down as far. */
const maxDepth = 32;

/** What a file says, and the lines that it says it in. */
export interface ConfigText {
  /** Plain data. */
  readonly value: unknown;
  /** The line of what stands at a path, or of what it would stand in. */
  lineOf(path: ConfigPath): number;
}

/**
 * Reads JSON with comments and trailing commas (JSONC). Refuses a key that
 * stands twice in one object: JSON would take the last one without a word.
 *
 * Throws `invalid-option`.
 */
export function readConfigText(text: string, file: string): ConfigText {
  const problems = new ConfigProblems(file);
  if (text.length > maxConfigLength) {
    problems.add([], undefined, `it has ${text.length} characters, allowed are ${maxConfigLength}`);
    problems.throwIfAny();
  }
  const starts = lineStarts(text);
  const lineAt = (offset: number): number => starts.findLastIndex((start) => start <= offset) + 1;
  // A byte order mark is what some editors begin a file with.
  const json = text.replace(/^\uFEFF/, " ");
  const tooDeepAt = beyondDepth(json);
  if (tooDeepAt !== undefined) problems.add([], lineAt(tooDeepAt), `it is nested deeper than ${maxDepth}`);
  problems.throwIfAny();
  const errors: ParseError[] = [];
  const root = parseTree(json, errors, { allowTrailingComma: true, disallowComments: false });
  for (const { error, offset } of errors) {
    if (problems.full) break;
    const column = offset - starts[lineAt(offset) - 1] + 1;
    problems.add([], lineAt(offset), `it is no JSON at column ${column}: ${wordsOf(printParseErrorCode(error))}`);
  }
  if (root === undefined && errors.length === 0) problems.add([], 1, "it is empty");
  if (root !== undefined) refuseTwins(root, [], lineAt, problems);
  problems.throwIfAny();
  return {
    value: getNodeValue(root!),
    lineOf(path) {
      for (let length = path.length; length > 0; length--) {
        const node = findNodeAtLocation(root!, [...path.slice(0, length)]);
        if (node !== undefined) return lineAt((node.parent?.type === "property" ? node.parent : node).offset);
      }
      return 1;
    },
  };
}

/** Where a text goes too deep; undefined where it does not. */
function beyondDepth(json: string): number | undefined {
  const scanner = createScanner(json, true);
  let depth = 0;
  for (let token = scanner.scan(); token !== endOfText; token = scanner.scan()) {
    if (token === openBrace || token === openBracket) depth++;
    else if (token === closeBrace || token === closeBracket) depth--;
    if (depth > maxDepth) return scanner.getTokenOffset();
  }
  return undefined;
}

/** The kinds of tokens, whose names the parser's types have and its module has not. */
const [openBrace, closeBrace, openBracket, closeBracket, endOfText] = [1, 2, 3, 4, 17];

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", end + 1)) starts.push(end + 1);
  return starts;
}

/** `PropertyNameExpected` in words. */
function wordsOf(code: string): string {
  return code.replaceAll(/(?!^)([A-Z])/g, " $1").toLowerCase();
}

function refuseTwins(node: Node, path: ConfigPath, lineAt: (offset: number) => number, problems: ConfigProblems): void {
  if (problems.full) return;
  const seen = new Set<string>();
  node.children?.forEach((child, index) => {
    if (child.type !== "property") return refuseTwins(child, [...path, index], lineAt, problems);
    const [key, value] = child.children!;
    const inner = [...path, key.value as string];
    if (seen.has(key.value)) problems.add(inner, lineAt(key.offset), `${showPath(inner)} is given twice`);
    seen.add(key.value);
    if (value !== undefined) refuseTwins(value, inner, lineAt, problems);
  });
}

/**
 * Chains as the dashboard draws them: stages from the caller to the wire, with
 * their live figures.
 *
 * @module
 */

import { describe, type Figure, type Stage, stagesOf } from "../../mod.ts";

/** A server's chain: what it listens on, and what answers. */
export interface ServedChain {
  /** What serve() listens on. */
  readonly transport: object;
  /** What answers the calls. */
  readonly handler: object;
}

/** What can be drawn: a client, a handler, a transport, or both sides of a server. */
export type DrawnChain = object | ServedChain;

/** One stage as it is sent to the page. */
export interface DrawnStage {
  readonly name: string;
  /** Its settings as `describe()` shows them, without secrets. */
  readonly settings: string;
}

/** A chain as it is sent to the page. */
export interface Drawing {
  readonly name: string;
  /** Whether calls come in here. */
  readonly serves: boolean;
  /** What stands before the first stage and behind the last one. */
  readonly ends: readonly [string, string];
  readonly stages: readonly DrawnStage[];
}

/** Figures of one stage, or none where it keeps none. */
export type StageFigures = readonly Figure[] | null;

/** The chains that are drawn. */
export class Chains {
  /** What does not change. */
  readonly drawings: readonly Drawing[];
  readonly #stages: readonly (readonly Stage[])[];

  constructor(chains: Readonly<Record<string, DrawnChain>>) {
    const drawn = Object.entries(chains).map(([name, chain]) => ({ name, ...drawnOf(chain) }));
    this.drawings = drawn.map(({ name, serves, ends, stages, texts }) => ({
      name,
      serves,
      ends,
      stages: stages.map((stage, i) => ({ name: stage.name, settings: settingsIn(texts[i], stage.name) })),
    }));
    this.#stages = drawn.map(({ stages }) => stages);
  }

  /** The figures of all stages of all chains, as they are now. */
  figures(): StageFigures[][] {
    return this.#stages.map((stages) => stages.map((stage) => figuresOf(stage)));
  }
}

/** A chain with all that is known of it. */
interface Drawn {
  readonly serves: boolean;
  readonly ends: readonly [string, string];
  readonly stages: readonly Stage[];
  readonly texts: readonly string[];
}

function drawnOf(chain: DrawnChain): Drawn {
  const served = typeof chain === "object" && "transport" in chain && "handler" in chain
    ? chain as ServedChain
    : undefined;
  if (served === undefined) {
    const reaches = "close" in chain || "dial" in chain ? "wire" : "work";
    return {
      serves: false,
      ends: ["caller", reaches],
      stages: [...stagesOf(chain)].reverse(),
      texts: describe(chain).split("\n"),
    };
  }
  // What answers stands first, the middleware around it after it, the wire last.
  const { transport, handler } = served;
  return {
    serves: true,
    ends: ["work", "wire"],
    stages: [...stagesOf(handler), ...[...stagesOf(transport)].reverse()],
    texts: [...describe(handler).split("\n").reverse(), ...describe(transport).split("\n")],
  };
}

/** What stands between the braces of `name({ … })`. */
function settingsIn(text: string | undefined, name: string): string {
  return text?.slice(name.length + 1, -1).replace(/^\{ (.*) \}$/, "$1") ?? "";
}

/** Figures that can't be read are absent; they break nothing. */
function figuresOf({ figures }: Stage): StageFigures {
  if (figures === undefined) return null;
  try {
    return figures();
  } catch {
    return null;
  }
}

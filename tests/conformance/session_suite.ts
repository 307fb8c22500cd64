/**
 * What any transport of calls must do, whatever it is made of: one call of
 * {@linkcode sessionConformance} registers all the tests for one of them.
 *
 * What a protocol can't do is not left out: it is checked that it says so.
 *
 * @module
 */

import type { Address, ChannelTransport, ManualClock, SessionTransport } from "../../mod.ts";
import { callTests } from "./_session_calls.ts";
import { contextTests } from "./_session_context.ts";
import { cutTests } from "./_session_cuts.ts";
import { directionTests } from "./_session_directions.ts";
import { endingTests } from "./_session_endings.ts";
import { pressureTests } from "./_session_pressure.ts";
import { restartTests } from "./_session_restarts.ts";
import { streamTests } from "./_session_streams.ts";
import { within } from "../support/channels.ts";
import { type Peer, peerTest } from "../support/peer.ts";
import { World } from "./_session_world.ts";

/** What a protocol can do. */
export interface Capabilities {
  /** The far side can be called back. */
  callBack: boolean;
  /** Requests without a reply. */
  oneWay: boolean;
  /** Signs of life can be asked for. */
  ping: boolean;
  /** An error reaches the caller; else the connection ends with it. */
  errors: boolean;
  /** Deadlines, metadata and cancelling reach the handler. */
  context: boolean;
  /** Replies may come in another order than the requests. */
  reorder: boolean;
  /** The peer is told before a connection ends, so that no call is lost by a restart. */
  goaway: boolean;
  /** A peer that does not read its replies is not read from. */
  holdsBack: boolean;
  /**
   * A peer that has ended its side still gets its replies. The end of a
   * connection can't be told from that, so handlers go on until a reply fails.
   */
  halfClose: boolean;
  /** A session is one connection, and ends with it. */
  connection: boolean;
  /** A session carries any number of calls at once; else one, and the tests take as many sessions as they need. */
  concurrent: boolean;
  /**
   * Several servers may listen at one place, and share its calls: clients have
   * no connection to one of them.
   */
  shared?: boolean;
  /** Requests and replies may be streams. */
  streams: boolean;
  /** The transport listens on a TCP port, so that a proxy can stand in front of it. */
  port: boolean;
}

/** The settings that a test needs. */
export interface SessionLimits {
  /** Calls in flight on a session. */
  maxInFlight: number;
  /** The largest request and reply, in bytes. */
  maxMessageBytes: number;
  /** What deadlines are measured on. */
  clock: ManualClock | undefined;
}

/** A transport to test. */
export interface TestedSessions {
  /** Without an address: listens where it likes. With one: listens there, and dials there. */
  at(address?: Address): SessionTransport<Uint8Array, Uint8Array>;
  /** The channels below, where a message is a request and needs nothing before it. */
  channels?(address: Address): ChannelTransport;
  /** Takes away what the transport leaves behind. */
  cleanup?(): void | Promise<void>;
}

/** Makes a fresh transport. */
export type MakeSessions = (limits: SessionLimits) => TestedSessions;

/** Registers a test in a world of its own. */
export type SessionTest = (
  behaviour: string,
  limits: Partial<SessionLimits>,
  run: (world: World) => Promise<void>,
) => void;

/** Registers the tests that every transport of calls has to pass, by the help of `peers` where it needs any. */
export function sessionConformance(name: string, can: Capabilities, make: MakeSessions, peers: Peer[] = []): void {
  const test: SessionTest = (behaviour, limits, run) => {
    peerTest(`${name} ${behaviour}`, peers, async () => {
      const all = { maxInFlight: 64, maxMessageBytes: 1_000_000, ...limits, clock: limits.clock };
      const world = new World(make(all), can, all);
      try {
        await within(run(world), "the end of the test");
      } finally {
        await world.end();
      }
    });
  };
  callTests(test, can);
  contextTests(test, can);
  directionTests(test, can);
  pressureTests(test, can);
  cutTests(test, can);
  endingTests(test, can);
  restartTests(test, can);
  if (can.streams) streamTests(test);
}

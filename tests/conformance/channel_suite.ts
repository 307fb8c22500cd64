/**
 * What any channel transport must do, whatever it is made of: one call of
 * {@linkcode channelConformance} registers all the tests for one of them.
 *
 * @module
 */

import type { ChannelTransport } from "../../mod.ts";
import { endingTests } from "./_channel_endings.ts";
import { listenerTests } from "./_channel_listeners.ts";
import { messageTests } from "./_channel_messages.ts";
import { pressureTests } from "./_channel_pressure.ts";

/** The limits that a test needs. The transport may keep a smaller limit on messages: its channels say so. */
export interface ChannelLimits {
  maxMessageBytes: number;
  highWaterBytes: number;
  maxBufferedBytes: number;
  maxConnections: number;
}

/** A transport to test. */
export interface TestedTransport {
  /** Dials what it listens on, once it listens. */
  transport: ChannelTransport;
  /** Takes away what the transport leaves behind. */
  cleanup?(): void | Promise<void>;
}

/** Makes a fresh transport. */
export type MakeTransport = (limits: ChannelLimits) => TestedTransport;

/** What a transport can do. Where it can't, the suite checks what it does instead. */
export interface ChannelCapabilities {
  /** A receiver that pauses stops the peer: else the channel ends with `overloaded` when too much waits. */
  stopsPeer: boolean;
  /** An end that has closed goes on taking what the peer sends: else it is over when the peer has heard of it. */
  halfClose: boolean;
  /** Fewer bytes go over the wire than are sent: it is spared the tests that count them. */
  compresses?: true;
  /** A process stands behind each of its channels: it is spared the tests of listeners and of hundreds of channels. */
  oneChannel?: true;
}

const all: ChannelCapabilities = { stopsPeer: true, halfClose: true };

/** What a test needs. */
export interface TestNeeds extends Partial<ChannelLimits> {
  /** It opens hundreds of channels. */
  manyChannels?: true;
  /** It counts bytes: as many must go over the wire as are sent. */
  countsBytes?: true;
}

/** Registers a test that has a fresh transport. */
export type ConformanceTest = (
  behaviour: string,
  needs: TestNeeds,
  run: (transport: ChannelTransport) => Promise<void>,
) => void;

/** Registers the tests that every channel transport has to pass. */
export function channelConformance(name: string, make: MakeTransport, can: ChannelCapabilities = all): void {
  const test: ConformanceTest = (behaviour, { countsBytes, manyChannels, ...limits }, run) => {
    if ((countsBytes && can.compresses) || (manyChannels && can.oneChannel)) return;
    Deno.test(`${name} ${behaviour}`, async () => {
      const tested = make({
        maxMessageBytes: 3 * 1024 * 1024,
        highWaterBytes: 256 * 1024,
        maxBufferedBytes: 16 * 1024 * 1024,
        maxConnections: 1000,
        ...limits,
      });
      try {
        await run(tested.transport);
      } finally {
        await tested.cleanup?.();
      }
    });
  };
  messageTests(test);
  pressureTests(test, can);
  endingTests(test, can);
  if (!can.oneChannel) listenerTests(test);
}

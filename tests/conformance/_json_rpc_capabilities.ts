/**
 * What jsonRpc() can do on any channel.
 *
 * @module
 */

import type { Capabilities } from "./session_suite.ts";

/** On a TCP port; elsewhere without one. */
export const jsonRpcCan: Capabilities = {
  callBack: true,
  oneWay: true,
  ping: true,
  errors: true,
  context: true,
  reorder: true,
  // The end is told, but there is no greeting: what is sent before the peer is known may be lost.
  goaway: false,
  holdsBack: true,
  halfClose: true,
  connection: true,
  concurrent: true,
  streams: true,
  port: true,
};

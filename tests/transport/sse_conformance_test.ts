/**
 * The conformance suite of channels over sse() mounted on `Deno.serve`.
 *
 * @module
 */

import { channelConformance } from "../conformance/channel_suite.ts";
import { servedSse } from "./_mounted_sse.ts";

channelConformance("mountedSse() on Deno.serve", ({ maxConnections, ...limits }) => {
  const served = servedSse({ ...limits, maxChannels: maxConnections });
  return { transport: served.transport, cleanup: () => served.end() };
});

/**
 * tcp() and Erlang's own `{packet, N}` understand each other.
 *
 * @module
 */

import { peer } from "../support/peer.ts";
import { framingTests } from "./_framing_suite.ts";

framingTests({
  name: "Erlang",
  program: peer("escript", "erlang-base"),
  client: "erlang_client.escript",
  server: "erlang_server.escript",
});

/**
 * tcp() and Python's asyncio understand each other.
 *
 * @module
 */

import { peer } from "../support/peer.ts";
import { framingTests } from "./_framing_suite.ts";

framingTests({
  name: "Python",
  program: peer("python3", "python3"),
  client: "asyncio_client.py",
  server: "asyncio_server.py",
});

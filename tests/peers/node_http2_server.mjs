/**
 * A server of HTTP/2 in Node, with responses of every kind.
 * `node node_http2_server.mjs [certificate key]`
 *
 * @module
 */

import http2 from "node:http2";
import { readFileSync } from "node:fs";

const [cert, key] = process.argv.slice(2);
const { constants } = http2;

const routes = {
  "/fields": (stream, headers) => {
    stream.respond({ ":status": 200, "x-echo": headers["x-echo"] ?? "", "x-round": headers["x-round"] ?? "" });
    stream.end();
  },
  "/echo": (stream) => {
    stream.respond({ ":status": 200 });
    stream.pipe(stream);
  },
  "/trailers": (stream) => {
    stream.additionalHeaders({ ":status": 103, link: "</style.css>; rel=preload" });
    stream.respond({ ":status": 200 }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "x-sum": "1" }));
    stream.write("hel");
    setTimeout(() => stream.end("lo"), 2);
  },
  "/refused": (stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM),
  "/reset": (stream) => stream.close(constants.NGHTTP2_INTERNAL_ERROR),
  "/goodbye": (stream) => {
    stream.respond({ ":status": 200 });
    stream.session.goaway();
    setTimeout(() => stream.end("goodbye"), 2);
  },
};

const settings = { maxConcurrentStreams: 50, headerTableSize: 1000 };
const server = cert === undefined
  ? http2.createServer({ settings })
  : http2.createSecureServer({ settings, cert: readFileSync(cert), key: readFileSync(key) });
server.on("sessionError", () => {});
server.on("stream", (stream, headers) => {
  stream.on("error", () => {});
  routes[headers[":path"]](stream, headers);
});
server.listen(0, "127.0.0.1", () => console.log(`port ${server.address().port}`));
process.stdin.resume().on("end", () => process.exit(0));

/**
 * HTTP servers in Node: HTTP/1.1 with responses of every kind, and one that
 * speaks HTTP/2 alone. `node node_http_server.mjs h1|h2 [certificate key]`
 *
 * @module
 */

import http from "node:http";
import http2 from "node:http2";
import { readFileSync } from "node:fs";

const [mode, cert, key] = process.argv.slice(2);

const routes = {
  "/fixed": (_request, response) => response.end("hello"),
  "/chunked": (_request, response) => {
    response.write("hel");
    setTimeout(() => response.end("lo"), 2);
  },
  "/trailers": (_request, response) => {
    response.writeHead(200, { trailer: "x-sum" });
    response.write("hel");
    response.addTrailers({ "x-sum": "1" });
    response.end("lo");
  },
  "/close": (_request, response) => {
    response.useChunkedEncodingByDefault = false;
    response.writeHead(200, { connection: "close" });
    response.write("hel");
    setTimeout(() => response.end("lo"), 2);
  },
  "/hints": (_request, response) => {
    response.writeEarlyHints({ link: "</style.css>; rel=preload" });
    response.end("hello");
  },
  "/early": (_request, response) => {
    response.writeHead(413, { connection: "close" });
    response.end("hello");
  },
  "/echo": (request, response) => {
    response.writeHead(200, { "x-framing": request.headers["content-length"] ?? request.headers["transfer-encoding"] });
    request.pipe(response);
  },
};

const answer = (request, response) => routes[request.url](request, response);
const server = mode === "h2"
  ? http2.createSecureServer({ cert: readFileSync(cert), key: readFileSync(key) }, (_request, response) => {
    response.end("hello");
  })
  : http.createServer(answer);
server.on("sessionError", () => {});
server.listen(0, "127.0.0.1", () => console.log(`port ${server.address().port}`));
process.stdin.resume().on("end", () => process.exit(0));

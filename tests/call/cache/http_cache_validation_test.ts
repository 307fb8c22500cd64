/**
 * Validating kept responses, and what writes make invalid, each by a table.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  hasAlready,
  keptFields,
  madeInvalid,
  meansKept,
  renewed,
  validating,
} from "../../../src/call/cache/http_cache_validation.ts";

type Fields = Record<string, string>;
const older = "Tue, 14 Nov 2023 22:13:20 GMT";
const newer = "Tue, 14 Nov 2023 22:13:21 GMT";

Deno.test("RFC 9111 3.1: fields of the connection are not kept", () => {
  const headers = new Headers({
    "connection": "close, x-hop, not a name",
    "x-hop": "1",
    "keep-alive": "timeout=5",
    "transfer-encoding": "chunked",
    "proxy-authenticate": "Basic",
    "upgrade": "h2c",
    "x-end": "2",
    "etag": '"a"',
  });
  assert.deepEqual([...keptFields(headers).keys()], ["etag", "x-end"]);
});

Deno.test("RFC 9111 4.3.1: a request asks with the validators that are kept", () => {
  const rows: [Fields, Fields | undefined][] = [
    [{}, undefined],
    [{ etag: 'W/"a"' }, { "if-none-match": 'W/"a"' }],
    [{ "last-modified": older }, { "if-modified-since": older }],
    [{ etag: '"a"', "last-modified": older }, { "if-modified-since": older, "if-none-match": '"a"' }],
  ];
  for (const [kept, expected] of rows) {
    const fields = validating(new Headers(), new Headers(kept));
    assert.deepEqual(fields && Object.fromEntries(fields), expected, JSON.stringify(kept));
  }
});

Deno.test("RFC 9111 4.3.3, 4.3.4: which kept response a 304 means", () => {
  const rows: [Fields, Fields, boolean][] = [
    [{}, { etag: '"a"' }, true],
    [{ etag: '"a"' }, { etag: '"a"' }, true],
    [{ etag: 'W/"a"' }, { etag: '"a"' }, true],
    [{ etag: '"b"' }, { etag: '"a"' }, false],
    [{ etag: '"b"' }, {}, false],
    [{ "last-modified": older }, { "last-modified": older }, true],
    [{ "last-modified": newer }, { "last-modified": older }, false],
  ];
  for (const [response, kept, means] of rows) {
    assert.equal(meansKept(new Headers(response), new Headers(kept)), means, JSON.stringify([response, kept]));
  }
});

Deno.test("RFC 9111 3.2: a 304 renews the fields, but for those of the body", () => {
  const kept = new Headers({
    "age": "100",
    "content-type": "text/html",
    "content-length": "5",
    "content-encoding": "gzip",
    "x-old": "stays",
    "x-new": "old",
    "cache-control": "max-age=1",
  });
  const notModified = new Headers({
    "content-type": "text/plain",
    "content-length": "0",
    "content-encoding": "br",
    "x-new": "new",
    "cache-control": "max-age=2",
    "connection": "close",
    "etag": '"b"',
  });
  assert.deepEqual(Object.fromEntries(renewed(kept, notModified)), {
    "cache-control": "max-age=2",
    "content-encoding": "gzip",
    "content-length": "5",
    "content-type": "text/html",
    "etag": '"b"',
    "x-new": "new",
    "x-old": "stays",
  });
  const cookies = new Headers([["set-cookie", "a=1"], ["set-cookie", "b=2"]]);
  assert.deepEqual(renewed(new Headers({ "set-cookie": "c=3" }), cookies).getSetCookie(), ["a=1", "b=2"]);
});

Deno.test("RFC 9111 4.3.2: what a caller has already", () => {
  const rows: [Fields, Fields, boolean][] = [
    [{ "if-none-match": '"a"' }, { etag: '"a"' }, true],
    [{ "if-none-match": 'W/"a"' }, { etag: '"a"' }, true],
    [{ "if-none-match": '"x", "a,b" , W/"c"' }, { etag: '"a,b"' }, true],
    [{ "if-none-match": '"b"' }, { etag: '"a"' }, false],
    [{ "if-none-match": '"a"' }, {}, false],
    [{ "if-none-match": "*" }, {}, true],
    [{ "if-none-match": '"b"', "if-modified-since": newer }, { etag: '"a"', "last-modified": older }, false],
    [{ "if-modified-since": older }, { "last-modified": older }, true],
    [{ "if-modified-since": newer }, { "last-modified": older }, true],
    [{ "if-modified-since": older }, { "last-modified": newer }, false],
    [{ "if-modified-since": newer }, { date: older }, true],
    [{ "if-modified-since": "soon" }, { "last-modified": older }, false],
    [{ "if-modified-since": older }, {}, false],
  ];
  for (const [request, kept, has] of rows) {
    assert.equal(hasAlready(new Headers(request), new Headers(kept)), has, JSON.stringify([request, kept]));
  }
});

Deno.test("RFC 9111 4.4: what a write makes invalid", () => {
  const url = "http://a.test/x?y#z";
  const own = "http://a.test/x?y";
  const rows: [string, number, Fields, string[]][] = [
    ["GET", 200, {}, []],
    ["HEAD", 200, {}, []],
    ["OPTIONS", 200, {}, []],
    ["POST", 200, {}, [own]],
    ["PUT", 201, { location: "/new" }, [own, "http://a.test/new"]],
    ["PATCH", 200, { "content-location": "x/1" }, [own, "http://a.test/x/1"]],
    ["DELETE", 302, { location: "http://other.test/x" }, [own]],
    ["DELETE", 302, { location: "http://[" }, [own]],
    ["UNKNOWN", 204, {}, [own]],
    ["POST", 400, {}, []],
    ["POST", 500, {}, []],
  ];
  for (const [method, status, fields, urls] of rows) {
    assert.deepEqual(madeInvalid(method, url, status, new Headers(fields)), urls, `${method} ${status}`);
  }
});

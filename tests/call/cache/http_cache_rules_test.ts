/**
 * The rules of HTTP caching, each by a table.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { directivesOf, timeOf } from "../../../src/call/cache/http_cache_control.ts";
import {
  dateOf,
  freshnessMs,
  initialAgeMs,
  mayStandIn,
  mayStore,
  variantOf,
  varyNames,
  verdictOn,
} from "../../../src/call/cache/http_cache_rules.ts";

type Fields = Record<string, string>;
const cc = (value: string): Fields => ({ "cache-control": value });
const date = "Tue, 14 Nov 2023 22:13:20 GMT";
const dateMs = 1_700_000_000_000;
const at = (seconds: number) => new Date(dateMs + seconds * 1000).toUTCString();

Deno.test("RFC 9111 5.2: directives are read whatever their case and form; of two the first holds", () => {
  const rows: [string, [string, string | true][]][] = [
    ["", []],
    ["no-store", [["no-store", true]]],
    ["Max-Age=60, PUBLIC", [["max-age", "60"], ["public", true]]],
    ['private="set-cookie, x", max-age = "10"', [["private", "set-cookie, x"], ["max-age", "10"]]],
    ["max-age=1, max-age=2", [["max-age", "1"]]],
    [",, no-cache ,, =x", [["no-cache", true], ["x", true]]],
    ['x="a\\"b"', [["x", 'a"b']]],
  ];
  for (const [field, expected] of rows) assert.deepEqual([...directivesOf(new Headers(cc(field)))], expected, field);
  assert.deepEqual([...directivesOf(new Headers({ pragma: "No-Cache" }))], [["no-cache", true]]);
  assert.deepEqual([...directivesOf(new Headers({ pragma: "no-cache", ...cc("max-age=1") }))], [["max-age", "1"]]);
});

Deno.test("RFC 9111 1.2.2, 4.2.1: a time that can't be read is 0, one that is too large is cut", () => {
  const rows: [string, number | undefined][] = [
    ["max-age=60", 60_000],
    ["max-age=0", 0],
    ["max-age=99999999999999999999", 2 ** 31 * 1000],
    ["max-age=-1", 0],
    ["max-age=1.5", 0],
    ["max-age=soon", 0],
    ["max-age", 0],
    ["public", undefined],
  ];
  for (const [field, ms] of rows) assert.equal(timeOf(directivesOf(new Headers(cc(field))), "max-age"), ms, field);
});

Deno.test("RFC 9111 3: what may be kept", () => {
  const authorization = { authorization: "Bearer x" };
  // request, status, response, shared cache, private cache
  const rows: [Fields, number, Fields, boolean, boolean][] = [
    [{}, 200, {}, true, true],
    [{}, 200, cc("max-age=60"), true, true],
    [{}, 200, cc("no-store"), false, false],
    [{}, 200, cc("no-cache"), true, true],
    [cc("no-store"), 200, cc("max-age=60"), false, false],
    [{}, 200, cc("private"), false, true],
    [{}, 200, cc('private="x"'), false, true],
    [{}, 302, {}, false, false],
    [{}, 302, cc("max-age=60"), true, true],
    [{}, 302, cc("s-maxage=60"), true, false],
    [{}, 302, cc("public"), true, true],
    [{}, 302, cc("private"), false, true],
    [{}, 302, { expires: date }, true, true],
    [{}, 404, {}, true, true],
    [{}, 410, {}, true, true],
    [{}, 500, {}, false, false],
    [{}, 206, cc("max-age=60"), false, false],
    [{}, 304, cc("max-age=60"), false, false],
    [{}, 200, { vary: "*" }, false, false],
    [{}, 200, { vary: "accept, *" }, false, false],
    [{}, 200, { vary: "accept" }, true, true],
    [{}, 200, { "set-cookie": "a=b", ...cc("max-age=60") }, false, true],
    [authorization, 200, cc("max-age=60"), false, true],
    [authorization, 200, cc("public"), true, true],
    [authorization, 200, cc("s-maxage=60"), true, true],
    [authorization, 200, cc("must-revalidate"), true, true],
    [authorization, 200, cc("public, private"), false, true],
    [{}, 200, cc("must-understand, no-store, max-age=60"), true, true],
    [{}, 299, cc("must-understand, max-age=60"), false, false],
    [{}, 299, cc("max-age=60"), true, true],
  ];
  for (const [request, status, response, shared, own] of rows) {
    const what = JSON.stringify([request, status, response]);
    const facts = { status, headers: new Headers(response) };
    assert.equal(mayStore(new Headers(request), facts, true), shared, `shared: ${what}`);
    assert.equal(mayStore(new Headers(request), facts, false), own, `private: ${what}`);
  }
});

Deno.test("RFC 9111 4.2.1, 4.2.2: how long a response is fresh", () => {
  // status, fields, shared cache, private cache, in seconds
  const rows: [number, Fields, number, number][] = [
    [200, cc("max-age=60"), 60, 60],
    [200, cc("max-age=60, s-maxage=10"), 10, 60],
    [200, { ...cc("max-age=60"), date, expires: at(5) }, 60, 60],
    [200, { date, expires: at(5) }, 5, 5],
    [200, { date, expires: at(-5) }, 0, 0],
    [200, { date, expires: "0" }, 0, 0],
    [200, { expires: at(5) }, 0, 0],
    [200, { date, "last-modified": at(-1000) }, 100, 100],
    [200, { date, "last-modified": at(1000) }, 0, 0],
    [200, { date, "last-modified": at(-10_000_000) }, 3600, 3600],
    [200, { date, "last-modified": at(-1000), ...cc("public") }, 100, 100],
    [302, { date, "last-modified": at(-1000) }, 0, 0],
    [302, { date, "last-modified": at(-1000), ...cc("public") }, 100, 100],
    [200, { date }, 0, 0],
    [200, { "last-modified": at(-1000) }, 0, 0],
  ];
  for (const [status, fields, shared, own] of rows) {
    const facts = { status, headers: new Headers(fields) };
    assert.equal(freshnessMs(facts, true, 3_600_000), shared * 1000, `shared: ${JSON.stringify(fields)}`);
    assert.equal(freshnessMs(facts, false, 3_600_000), own * 1000, `private: ${JSON.stringify(fields)}`);
  }
});

Deno.test("RFC 9111 4.2.3: how old a response is when it comes", () => {
  // fields, delay, when it came, age
  const rows: [Fields, number, number, number][] = [
    [{}, 0, dateMs, 0],
    [{ date }, 0, dateMs + 7000, 7000],
    [{ date }, 0, dateMs - 7000, 0],
    [{ date, age: "20" }, 0, dateMs + 7000, 20_000],
    [{ date, age: "5" }, 3000, dateMs + 7000, 8000],
    [{ age: "-1" }, 1000, dateMs, 1000],
    [{ age: "10, 20" }, 0, dateMs, 10_000],
    [{ age: "old" }, 0, dateMs, 0],
  ];
  for (const [fields, delay, came, age] of rows) {
    assert.equal(initialAgeMs(new Headers(fields), delay, came), age, JSON.stringify(fields));
  }
});

Deno.test("RFC 9111 4.2.4, 5.2; RFC 5861 3: what becomes of a request for what is kept", () => {
  // request, response, age in seconds of a freshness of 100, shared cache, private cache
  const rows: [string, string, number, string, string?][] = [
    ["", "", 50, "give"],
    ["", "", 99.999, "give"],
    ["", "", 100, "validate"],
    ["no-cache", "", 50, "validate"],
    ["", "no-cache", 50, "validate"],
    ["", 'no-cache="x"', 50, "validate"],
    ["max-age=50", "", 50, "give"],
    ["max-age=49", "", 50, "validate"],
    ["min-fresh=50", "", 50, "give"],
    ["min-fresh=51", "", 50, "validate"],
    ["max-stale", "", 5000, "give"],
    ["max-stale=50", "", 150, "give"],
    ["max-stale=49", "", 150, "validate"],
    ["max-stale=x", "", 150, "validate"],
    ["max-stale", "must-revalidate", 150, "validate"],
    ["max-stale", "proxy-revalidate", 150, "validate", "give"],
    ["max-stale", "s-maxage=100", 150, "validate", "give"],
    ["max-stale, max-age=120", "", 150, "validate"],
    ["", "stale-while-revalidate=60", 150, "give-and-refresh"],
    ["", "stale-while-revalidate=50", 150, "validate"],
    ["min-fresh=1", "stale-while-revalidate=60", 150, "validate"],
    ["max-age=100", "stale-while-revalidate=60", 150, "validate"],
    ["", "stale-while-revalidate=60, must-revalidate", 150, "validate"],
  ];
  for (const [request, response, age, shared, own = shared] of rows) {
    const standing = { ageMs: age * 1000, freshMs: 100_000, staleMs: 0 };
    const [asked, kept] = [new Headers(cc(request)), new Headers(cc(response))];
    assert.equal(verdictOn(asked, kept, true, standing), shared, `shared: ${request} / ${response} / ${age}`);
    assert.equal(verdictOn(asked, kept, false, standing), own, `private: ${request} / ${response} / ${age}`);
  }
  const byDefault = { ageMs: 150_000, freshMs: 100_000, staleMs: 60_000 };
  assert.equal(verdictOn(new Headers(), new Headers(), true, byDefault), "give-and-refresh");
  assert.equal(verdictOn(new Headers(), new Headers(cc("stale-while-revalidate=0")), true, byDefault), "validate");
});

Deno.test("RFC 5861 4: what a stale response stands in for", () => {
  // request, response, option in seconds, shared cache, private cache; 50 seconds over its time
  const rows: [string, string, number, boolean, boolean?][] = [
    ["", "", 0, false],
    ["", "", 60, true],
    ["", "", 50, false],
    ["", "stale-if-error=60", 0, true],
    ["", "stale-if-error=10", 60, false],
    ["stale-if-error=60", "", 0, true],
    ["", "stale-if-error=60, must-revalidate", 0, false],
    ["", "stale-if-error=60, no-cache", 0, false],
    ["no-cache", "stale-if-error=60", 0, false],
    ["", "stale-if-error=60, proxy-revalidate", 0, false, true],
  ];
  for (const [request, response, option, shared, own = shared] of rows) {
    const standing = { ageMs: 150_000, freshMs: 100_000, staleMs: 0 };
    const [asked, kept] = [new Headers(cc(request)), new Headers(cc(response))];
    const what = `${request} / ${response} / ${option}`;
    assert.equal(mayStandIn(asked, kept, true, standing, option * 1000), shared, `shared: ${what}`);
    assert.equal(mayStandIn(asked, kept, false, standing, option * 1000), own, `private: ${what}`);
  }
});

Deno.test("RFC 9111 4.1: variants are told apart by the fields that Vary names", () => {
  const names = varyNames(new Headers({ vary: "Accept-Language , accept,,ACCEPT" }));
  assert.deepEqual(names, ["accept", "accept-language"]);
  assert.deepEqual(varyNames(new Headers()), []);
  const of = (fields: Fields) => variantOf(names, new Headers(fields));
  assert.equal(of({ accept: "a,b" }), of({ accept: "a ,  b" }), "space does not count");
  const different = [{}, { accept: "" }, { accept: "a" }, { accept: "b" }, { "accept-language": "a" }];
  assert.equal(new Set(different.map((fields) => of(fields as Fields))).size, 5);
});

Deno.test("RFC 9110 5.6.7: dates in their three forms, and nothing else", () => {
  for (const form of [date, "Tuesday, 14-Nov-23 22:13:20 GMT", "Tue Nov 14 22:13:20 2023 GMT"]) {
    assert.equal(dateOf(new Headers({ date: form }), "date"), dateMs, form);
  }
  for (const wrong of ["0", "-1", "2023", "tomorrow", "not a date of any sort at all"]) {
    assert.equal(dateOf(new Headers({ date: wrong }), "date"), undefined, wrong);
  }
});

/**
 * The sections 9 and 10 of the public Autobahn test suite: large messages, many
 * fragments, small writes, many messages.
 *
 * @module
 */

import { type Case, play } from "./_tester.ts";
import { binary, fragmented, opcode, text } from "./_wire.ts";

const KiB = 1024;
const MiB = 1024 * KiB;
const bytes = new Uint8Array(16 * MiB).map((_, i) => 32 + i % 90);
const of = (length: number): Uint8Array => bytes.subarray(0, length);

const sizes: Case[] = [64 * KiB, 256 * KiB, MiB, 4 * MiB, 8 * MiB, 16 * MiB].flatMap((size, i) => [
  { id: `9.1.${i + 1}`, what: `a text of ${size} bytes`, send: [text(of(size))] },
  { id: `9.2.${i + 1}`, what: `a binary message of ${size} bytes`, send: [binary(of(size))] },
]);

const fragments: Case[] = [64, 256, KiB, 4 * KiB, 16 * KiB, 64 * KiB, 256 * KiB, MiB, 4 * MiB].flatMap((size, i) => [
  {
    id: `9.3.${i + 1}`,
    what: `a text of 4 MiB in fragments of ${size} bytes`,
    send: fragmented(opcode.text, of(4 * MiB), size),
    back: [text(of(4 * MiB))],
  },
  {
    id: `9.4.${i + 1}`,
    what: `a binary message of 4 MiB in fragments of ${size} bytes`,
    send: fragmented(opcode.binary, of(4 * MiB), size),
    back: [binary(of(4 * MiB))],
  },
]);

const chopped: Case[] = [64, 128, 256, 512, KiB, 2 * KiB].flatMap((chop, i) => [
  { id: `9.5.${i + 1}`, what: `a text of 1 MiB in writes of ${chop} bytes`, send: [text(of(MiB))], chop },
  {
    id: `9.6.${i + 1}`,
    what: `a binary message of 1 MiB in writes of ${chop} bytes`,
    send: [binary(of(MiB))],
    chop,
  },
]);

const many: Case[] = [0, 16, 64, 256, KiB, 4 * KiB].flatMap((size, i) => [
  { id: `9.7.${i + 1}`, what: `1000 texts of ${size} bytes`, send: Array.from({ length: 1000 }, () => text(of(size))) },
  {
    id: `9.8.${i + 1}`,
    what: `1000 binary messages of ${size} bytes`,
    send: Array.from({ length: 1000 }, () => binary(of(size))),
  },
]);

const automatic: Case[] = [{
  id: "10.1.1",
  what: "a text of 64 KiB in fragments of 1300 bytes",
  send: fragmented(opcode.text, of(64 * KiB), 1300),
  back: [text(of(64 * KiB))],
}];

play([...sizes, ...fragments, ...chopped, ...many, ...automatic]);

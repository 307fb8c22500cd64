/**
 * The codecs of compress(): the runtime's own where it has them, looked up when
 * they are first needed, and plain ones where it has not.
 *
 * @module
 */

import { deflateSync, Gunzip, gzipSync, Inflate } from "fflate/browser";
import { lz4Compress, lz4Decompress } from "./lz4_block.ts";

/** The formats by their number on the wire; 0 is none. */
export const formats = ["none", "gzip", "deflate", "zstd", "lz4", "brotli"] as const;

/** What a message may be compressed with. */
export type CompressionFormat = typeof formats[number];

/** One format, both ways. */
export interface Codec {
  readonly format: CompressionFormat;
  /** Its number on the wire. */
  readonly code: number;
  /** Whether it is the runtime's own, or as fast. */
  readonly fast: boolean;
  compress(bytes: Uint8Array, level: number): Uint8Array;
  /** Decompresses into `size` bytes at the most, give or take a piece: whether there are as many is the caller's to see. */
  decompress(bytes: Uint8Array, size: number): Uint8Array;
}

/** Those functions of `node:zlib` that are used. */
interface Zlib {
  readonly constants: Readonly<Record<string, number>>;
  readonly [name: `${string}Sync`]: ((bytes: Uint8Array, options: object) => Uint8Array) | undefined;
}

/** The codecs, those first that make most of their time, as measured on JSON of 64 KiB at level 1. */
const order = ["zstd", "deflate", "gzip", "lz4", "brotli"] as const;

let found: readonly Codec[] | undefined;

/** All that this runtime can do, the best first. */
export function codecs(): readonly Codec[] {
  return found ??= codecsWith(findZlib());
}

/** All that can be done with this `node:zlib`, or without one. */
export function codecsWith(zlib: Zlib | undefined): readonly Codec[] {
  return order.map((format) => native(format, zlib) ?? plain(format)).filter((codec) => codec !== undefined)
    .sort((a, b) => Number(b.fast) - Number(a.fast));
}

/** The runtime's `node:zlib`. It is not imported: the module must load where there is none. */
export function findZlib(): Zlib | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): unknown } };
  try {
    return process?.getBuiltinModule?.("node:zlib") as Zlib | undefined;
  } catch {
    return undefined;
  }
}

const nativeNames: Partial<Record<CompressionFormat, [compress: `${string}Sync`, decompress: `${string}Sync`]>> = {
  zstd: ["zstdCompressSync", "zstdDecompressSync"],
  deflate: ["deflateRawSync", "inflateRawSync"],
  gzip: ["gzipSync", "gunzipSync"],
  brotli: ["brotliCompressSync", "brotliDecompressSync"],
};

function native(format: CompressionFormat, zlib: Zlib | undefined): Codec | undefined {
  const [compressName, decompressName] = nativeNames[format] ?? ["Sync", "Sync"];
  const compress = zlib?.[compressName];
  const decompress = zlib?.[decompressName];
  if (zlib === undefined || compress === undefined || decompress === undefined) return undefined;
  const parameter = format === "zstd"
    ? zlib.constants.ZSTD_c_compressionLevel
    : format === "brotli"
    ? zlib.constants.BROTLI_PARAM_QUALITY
    : undefined;
  let options: { level: number; given: object } | undefined;
  return {
    format,
    code: formats.indexOf(format),
    fast: true,
    compress(bytes, level) {
      if (options?.level !== level) {
        options = { level, given: parameter === undefined ? { level } : { params: { [parameter]: level } } };
      }
      return plainBytes(compress(bytes, options.given));
    },
    decompress: (bytes, size) => plainBytes(decompress(bytes, { maxOutputLength: size })),
  };
}

/** What node calls a Buffer cuts differently from an array of bytes. */
function plainBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

function plain(format: CompressionFormat): Codec | undefined {
  const code = formats.indexOf(format);
  switch (format) {
    case "lz4":
      return { format, code, fast: true, compress: lz4Compress, decompress: lz4Decompress };
    case "deflate":
      return {
        format,
        code,
        fast: false,
        compress: (bytes, level) => deflateSync(bytes, { level: fflateLevel(level) }),
        decompress: (bytes, size) => inflatedBy(new Inflate(), bytes, size),
      };
    case "gzip":
      return {
        format,
        code,
        fast: false,
        compress: (bytes, level) => gzipSync(bytes, { level: fflateLevel(level) }),
        decompress: (bytes, size) => inflatedBy(new Gunzip(), bytes, size),
      };
    default:
      return undefined;
  }
}

function fflateLevel(level: number): 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 {
  return Math.max(1, Math.min(9, level)) as 1;
}

/** What is inflated at a time: a thousandth of the memory that a bomb can have before it is noticed. */
const pieceBytes = 1024;

function inflatedBy(stream: Inflate | Gunzip, bytes: Uint8Array, size: number): Uint8Array {
  const target = new Uint8Array(size);
  let length = 0;
  stream.ondata = (chunk): void => {
    if (length + chunk.length > size) throw new RangeError(`more than ${size} bytes come out`);
    target.set(chunk, length);
    length += chunk.length;
  };
  let at = 0;
  do {
    stream.push(bytes.subarray(at, at + pieceBytes), at + pieceBytes >= bytes.length);
    at += pieceBytes;
  } while (at < bytes.length);
  return target.subarray(0, length);
}

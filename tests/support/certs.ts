/**
 * A self-signed certificate for tests on this machine's loopback: EC P-256,
 * CN localhost, SAN localhost, 127.0.0.1 and ::1, valid from 2020 to 2120.
 *
 * It says CA:FALSE, because Deno's TLS client refuses a server certificate
 * that may sign others (`CaUsedAsEndEntity`). The key is public: it protects
 * nothing and is trusted only where a test passes {@linkcode testCert}.
 *
 * @example Usage
 * ```ts
 * import { testCert, testKey } from "./certs.ts";
 *
 * const hostname = "localhost";
 * using listener = Deno.listenTls({ hostname, port: 0, cert: testCert, key: testKey });
 * const { port } = listener.addr;
 * using dialed = await Deno.connectTls({ hostname, port, caCerts: [testCert] });
 * ```
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import cert from "./certs/localhost.crt" with { type: "text" };
import key from "./certs/localhost.key" with { type: "text" };

/** The certificate, in PEM. */
export const testCert: string = cert;

/** The certificate's private key (PKCS #8), in PEM. */
export const testKey: string = key;

/** The certificate's file, for programs that want a path: `curl --cacert`. */
export const testCertPath: string = fileURLToPath(
  new URL("./certs/localhost.crt", import.meta.url),
);

/** The private key's file, for programs that want a path. */
export const testKeyPath: string = fileURLToPath(
  new URL("./certs/localhost.key", import.meta.url),
);

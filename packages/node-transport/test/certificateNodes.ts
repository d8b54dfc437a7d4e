/** Nodes with certificates, for tests on real sockets. */
import * as Transport from "@coterie/core/Transport"
import * as Certificates from "@coterie/node-transport/Certificates"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import type { Authority, Issued, Request } from "./Authority.ts"

/** Pattern of the names of the cluster. */
export const trust = ["spiffe://example.org/shop/*"] as const

/** Name of a peer in its certificate. */
export const nameOf = (peer: string) => `spiffe://example.org/shop/${peer}`

/** Makes the certificate of a peer of the cluster. */
export const issue = (authority: Authority, peer = "node", request: Request = {}): Issued =>
  authority.issue({ names: [`URI:${nameOf(peer)}`], ...request })

/** Makes the material of a certificate. `above` has the intermediate certificates. */
export const materialOf = (
  { certificate, key }: Issued,
  authorities: ReadonlyArray<Authority>,
  { above = [], revoked }: { readonly above?: ReadonlyArray<Authority>; readonly revoked?: string } = {},
): Certificates.Material => ({
  certificate: [certificate, ...above.map(({ certificate }) => certificate)].join(""),
  key: Redacted.make(key),
  authorities: authorities.map(({ certificate }) => certificate).join(""),
  ...(revoked === undefined ? {} : { revoked }),
})

/** Provides certificates as they are, without a check. */
export const unchecked = (certificates: Certificates.Certificates["Service"]) =>
  Layer.succeed(Certificates.Certificates)(certificates)

/** Makes a transport with certificates on a free port of the loopback, with the loggers of the test. */
export const loggedNodeOf = (
  certificates: Certificates.Material | Certificates.Certificates["Service"],
  options: Partial<NodeTransport.TlsOptions> = {},
) =>
  Layer.build(
    NodeTransport.layerTls({ host: "127.0.0.1", port: 0, trust, ...options }).pipe(
      Layer.provide("certificate" in certificates ? Certificates.layer(certificates) : unchecked(certificates)),
    ),
  ).pipe(Effect.map(Context.get(Transport.Transport)))

/** Makes a transport with certificates on a free port of the loopback, without a log. */
export const nodeOf = (...parameters: Parameters<typeof loggedNodeOf>) =>
  Effect.provide(loggedNodeOf(...parameters), Logger.layer([]))

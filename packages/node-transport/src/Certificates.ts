/**
 * Certificates of a node, for `NodeTransport.layerTls`: its own certificate and key, the authorities that it trusts, and revocation
 * lists. They can change while the node runs.
 *
 * The authorities are those of the cluster alone. The authorities of the system and of Node are never trusted. Logs and errors never show
 * a key.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import type * as Stream from "effect/Stream"
import type { Material } from "./internal/certificates/credentials.ts"
import type { CertificatesError } from "./internal/certificates/errors.ts"
import { followFiles, optionNames } from "./internal/certificates/MaterialFiles.ts"
import * as MaterialState from "./internal/certificates/MaterialState.ts"

export type { Material } from "./internal/certificates/credentials.ts"
export { CertificatesError } from "./internal/certificates/errors.ts"

/**
 * Certificates that a node presents and trusts.
 *
 * @category services
 * @since 0.1.0
 */
export class Certificates extends Context.Service<
  Certificates,
  {
    /** Material of this moment. */
    readonly material: Effect.Effect<Material>
    /** Material of this moment, then each later material. A slow reader gets the newest. */
    readonly changes: Stream.Stream<Material>
    /**
     * Number of changes that could not be used, so that the material before stayed in use: the number of this moment, then each later
     * number. Absent if nothing counts them.
     */
    readonly rejected?: Stream.Stream<number> | undefined
  }
>()("@coterie/node-transport/Certificates") {}

/**
 * Certificates that the program changes, made by {@link make}.
 *
 * @category models
 * @since 0.1.0
 */
export interface ManagedCertificates {
  readonly material: Effect.Effect<Material>
  readonly changes: Stream.Stream<Material>
  readonly rejected: Stream.Stream<number>
  /**
   * Replaces the material. Fails with `CertificatesError` if it cannot be used, and leaves the material as it was. The callback of a
   * secret manager calls this function.
   */
  readonly set: (material: Material) => Effect.Effect<void, CertificatesError>
}

/**
 * Makes certificates that the program changes. Fails with `CertificatesError` if the material cannot be used now.
 *
 * **Example** (Take the certificates from a secret manager)
 *
 * ```ts
 * import { Certificates } from "@coterie/node-transport"
 * import { Effect, Layer, Stream } from "effect"
 *
 * declare const first: Certificates.Material
 * declare const later: Stream.Stream<Certificates.Material>
 *
 * const CertificatesLive = Layer.effect(
 *   Certificates.Certificates,
 *   Effect.gen(function* () {
 *     const certificates = yield* Certificates.make(first)
 *     const update = Stream.runForEach(later, (material) =>
 *       Effect.catch(certificates.set(material), (error) => Effect.logError(error.message)),
 *     )
 *     yield* Effect.forkScoped(update)
 *     return certificates
 *   }),
 * )
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (material: Material): Effect.Effect<ManagedCertificates, CertificatesError> =>
  Effect.map(MaterialState.make(material), ({ changes, material, rejected, set }) => ({
    material,
    changes,
    rejected,
    set,
  }))

/**
 * Provides certificates that do not change. Fails with `CertificatesError` if they cannot be used now.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (material: Material): Layer.Layer<Certificates, CertificatesError> =>
  Layer.effect(Certificates, make(material))

/**
 * Paths of {@link layerConfig}.
 *
 * @category models
 * @since 0.1.0
 */
export interface Paths {
  /** Path of the certificate of this node, followed by its intermediate certificates, in PEM. */
  readonly certificate: string
  /** Path of the private key in PEM, without a passphrase. */
  readonly key: string
  /** Path of the authorities that this node trusts, in PEM, with their self-signed roots. */
  readonly authorities: string
  /** Path of revocation lists in PEM. By default there are none. */
  readonly revoked?: string | undefined
}

/**
 * Options of {@link layerFiles}.
 *
 * @category models
 * @since 0.1.0
 */
export interface FilesOptions extends Paths {
  /** Schedule of the reads after the first. Defaults to every 10 seconds. */
  readonly schedule?: Schedule.Schedule<unknown> | undefined
}

/**
 * Provides the certificates in files, and reads the files again on a schedule, as cert-manager, the CSI driver of SPIFFE or Certbot
 * replace them.
 *
 * **Details**
 *
 * The first read must succeed, or the layer fails with `CertificatesError`. A later read follows symbolic links, and takes all files from
 * one moment. A change that cannot be used leaves the certificates as they were. That includes a certificate whose key has not been
 * replaced yet. If the problem is still there two reads later, a warning is logged once.
 *
 * **Example** (Certificates of a mounted secret of cert-manager)
 *
 * ```ts
 * import { Cluster } from "@coterie/core"
 * import { Certificates, NodeTransport } from "@coterie/node-transport"
 * import { Layer } from "effect"
 *
 * const ClusterLive = Cluster.layer({ cluster: "shop", seeds: ["web-1", "web-2"] }).pipe(
 *   Layer.provide(NodeTransport.layerTls({ host: "0.0.0.0", trust: ["*.shop.internal"] })),
 *   Layer.provide(
 *     Certificates.layerFiles({ certificate: "/tls/tls.crt", key: "/tls/tls.key", authorities: "/tls/ca.crt" }),
 *   ),
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFiles = ({ schedule, ...paths }: FilesOptions): Layer.Layer<Certificates, CertificatesError> =>
  Layer.effect(Certificates, followFiles(paths, optionNames, schedule))

/**
 * Provides the certificates in files whose paths are in the configuration, such as
 * `layerConfig({ certificate: Config.String("CERT"), key: Config.String("KEY"), authorities: Config.String("CA") })`. Fails with
 * `ConfigError` if a path is missing, and with `CertificatesError` as {@link layerFiles} does.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  paths: Config.Wrap<Paths>,
): Layer.Layer<Certificates, CertificatesError | Config.ConfigError> =>
  Layer.unwrap(Effect.map(Config.unwrap<Paths>(paths), layerFiles))

const variable = (name: string) =>
  Config.map(
    Config.option(Config.String(name)),
    Option.filter((path) => path !== ""),
  )

const variables = {
  certificate: "COTERIE_TLS_CERT_FILE",
  key: "COTERIE_TLS_KEY_FILE",
  authorities: "COTERIE_TLS_CA_FILE",
  revoked: "COTERIE_TLS_CRL_FILE",
} as const

/**
 * Provides the certificates in the files that environment variables name. Fails with `ConfigError` if a variable is missing, and with
 * `CertificatesError` as {@link layerFiles} does.
 *
 * **Details**
 *
 * | variable | path |
 * | --- | --- |
 * | `COTERIE_TLS_CERT_FILE` | certificate of this node, followed by its intermediate certificates |
 * | `COTERIE_TLS_KEY_FILE` | private key |
 * | `COTERIE_TLS_CA_FILE` | authorities that this node trusts, with their self-signed roots |
 * | `COTERIE_TLS_CRL_FILE` | revocation lists; optional |
 *
 * The files are read as by {@link layerFiles}, with the `schedule` of the options. A variable that is empty counts as not set.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFromEnv = (
  options: Pick<FilesOptions, "schedule"> = {},
): Layer.Layer<Certificates, CertificatesError | Config.ConfigError> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const found = yield* Config.all({
        certificate: variable(variables.certificate),
        key: variable(variables.key),
        authorities: variable(variables.authorities),
        revoked: variable(variables.revoked),
      })
      const { authorities, certificate, key, revoked } = found
      if (Option.isSome(certificate) && Option.isSome(key) && Option.isSome(authorities)) {
        const paths = {
          certificate: certificate.value,
          key: key.value,
          authorities: authorities.value,
          revoked: Option.getOrUndefined(revoked),
        }
        return Layer.effect(Certificates, followFiles(paths, variables, options.schedule))
      }
      const missing = [
        ...(Option.isNone(certificate) ? [variables.certificate] : []),
        ...(Option.isNone(key) ? [variables.key] : []),
        ...(Option.isNone(authorities) ? [variables.authorities] : []),
      ]
      return yield* Effect.fail(
        new Config.ConfigError(
          new ConfigProvider.SourceError({
            message: `${missing.join(", ")} ${missing.length === 1 ? "is" : "are"} not set: certificates need all three files`,
          }),
        ),
      )
    }),
  )

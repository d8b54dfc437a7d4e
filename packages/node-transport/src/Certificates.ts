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
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { certificateConfig, configError, environmentName } from "./internal/config/environment.ts"
import { pathNames } from "./internal/config/proof.ts"
import type { Material } from "./internal/certificates/credentials.ts"
import type { CertificatesError } from "./internal/certificates/errors.ts"
import { followFiles, optionNames, type Paths } from "./internal/certificates/MaterialFiles.ts"
import * as MaterialState from "./internal/certificates/MaterialState.ts"

export type { Material } from "./internal/certificates/credentials.ts"
export type { Paths } from "./internal/certificates/MaterialFiles.ts"
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
    /**
     * Writes the log lines about these certificates with the loggers and annotations of the node that runs the effect, until the scope closes.
     * Several nodes get a line each. A transport runs it when it listens. Absent if there are no such lines.
     */
    readonly addLog?: Effect.Effect<void, never, Scope.Scope> | undefined
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
      const found = yield* certificateConfig({})
      const { authoritiesFile, certificateFile, keyFile, revokedFile } = found
      const names = pathNames(environmentName({}))
      if (certificateFile !== undefined && keyFile !== undefined && authoritiesFile !== undefined) {
        const paths = { certificate: certificateFile, key: keyFile, authorities: authoritiesFile, revoked: revokedFile }
        return Layer.effect(Certificates, followFiles(paths, names, options.schedule))
      }
      const missing = [
        ...(certificateFile === undefined ? [names.certificate] : []),
        ...(keyFile === undefined ? [names.key] : []),
        ...(authoritiesFile === undefined ? [names.authorities] : []),
      ]
      return yield* configError(
        `${missing.join(", ")} ${missing.length === 1 ? "is" : "are"} not set: certificates need all three files`,
      )
    }),
  )

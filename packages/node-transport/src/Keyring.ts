/**
 * Secrets that the nodes of a cluster share. Each secret makes a {@link Key}, and a node has a {@link Ring} of 1 to 8 keys. Two nodes
 * connect if their rings have a key in common, so a secret is replaced without a stop: add the new one at all nodes first, then
 * remove the old one.
 *
 * A secret is text of at least 32 characters, such as the output of `openssl rand -base64 32`. Logs, errors and metrics show the id
 * of a key, which is a hash, and never a secret.
 *
 * @since 0.1.0
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { configError, environmentName, secretConfig } from "./internal/config/environment.ts"
import { secretSource } from "./internal/config/proof.ts"
import { addKey, keyOf, type KeyringError, removeKey, type Ring, ringOf, useKey } from "./internal/secret/ring.ts"
import { followFile } from "./internal/secret/RingFile.ts"
import * as RingState from "./internal/secret/RingState.ts"

export { type Key, KeyringError, type Ring } from "./internal/secret/ring.ts"

/**
 * Keys that this node accepts and dials with.
 *
 * @category services
 * @since 0.1.0
 */
export class Keyring extends Context.Service<
  Keyring,
  {
    /** Ring of this moment. */
    readonly ring: Effect.Effect<Ring>
    /** Ring of this moment, then each later ring. A slow reader gets the newest ring. */
    readonly changes: Stream.Stream<Ring>
    /**
     * Number of changes that could not be used, so that the ring before stayed in use: the number of this moment, then each later number.
     * Absent if nothing counts them.
     */
    readonly rejected?: Stream.Stream<number> | undefined
    /**
     * Writes the log lines about this keyring with the loggers and annotations of the node that runs the effect, until the scope closes.
     * Several nodes get a line each. A transport runs it when it listens. Absent if there are no such lines.
     */
    readonly addLog?: Effect.Effect<void, never, Scope.Scope> | undefined
  }
>()("@coterie/node-transport/Keyring") {}

/**
 * Keyring that the program changes, made by {@link make}. Each function that changes the ring leaves it as it was if it fails.
 *
 * @category models
 * @since 0.1.0
 */
export interface ManagedKeyring {
  readonly ring: Effect.Effect<Ring>
  readonly changes: Stream.Stream<Ring>
  readonly rejected: Stream.Stream<number>
  /** Accepts a secret in addition, and returns its id. The key that this node dials with first stays the same. */
  readonly add: (secret: Redacted.Redacted<string>) => Effect.Effect<string, KeyringError>
  /** Dials with this key first. Fails as `unknown` if the ring has no key with the id. */
  readonly use: (id: string) => Effect.Effect<void, KeyringError>
  /**
   * Accepts this key no longer. Fails as `inUse` for the key that this node dials with first, and as `unknown` if the ring has no key
   * with the id.
   */
  readonly remove: (id: string) => Effect.Effect<void, KeyringError>
  /** Replaces all secrets at once. The callback of a secret manager calls this function. */
  readonly set: (secrets: NonEmptyReadonlyArray<Redacted.Redacted<string>>) => Effect.Effect<void, KeyringError>
}

/**
 * Makes a keyring that the program changes.
 *
 * **Example** (Take the secrets from a secret manager)
 *
 * ```ts
 * import { Keyring } from "@coterie/node-transport"
 * import { Effect, Layer, Redacted, Stream } from "effect"
 *
 * declare const secrets: Stream.Stream<readonly [Redacted.Redacted<string>, ...Array<Redacted.Redacted<string>>]>
 * declare const first: Redacted.Redacted<string>
 *
 * const KeyringLive = Layer.effect(
 *   Keyring.Keyring,
 *   Effect.gen(function* () {
 *     const keyring = yield* Keyring.make(first)
 *     const update = Stream.runForEach(secrets, keyring.set)
 *     yield* Effect.forkScoped(Effect.catch(update, (error) => Effect.logError(error.message)))
 *     return keyring
 *   }),
 * )
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  secrets: Redacted.Redacted<string> | NonEmptyReadonlyArray<Redacted.Redacted<string>>,
): Effect.Effect<ManagedKeyring, KeyringError> => manage(Redacted.isRedacted(secrets) ? [secrets] : secrets)

/**
 * Provides a keyring of one secret, or of several secrets that do not change. This node dials with the first. Fails with
 * `KeyringError` if a secret is too short or too weak, or if there are more than 8.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  secrets: Redacted.Redacted<string> | NonEmptyReadonlyArray<Redacted.Redacted<string>>,
): Layer.Layer<Keyring, KeyringError> => Layer.effect(Keyring, make(secrets))

/**
 * Options of {@link layerFile}.
 *
 * @category models
 * @since 0.1.0
 */
export interface FileOptions {
  /** Path of the file. */
  readonly path: string
  /** Schedule of the reads after the first. Defaults to every 10 seconds. */
  readonly schedule?: Schedule.Schedule<unknown> | undefined
}

/**
 * Provides the secrets in a file, one per line. This node dials with the first, and reads the file again on a schedule.
 *
 * **Details**
 *
 * Blank lines and lines that begin with `#` are ignored. The first read must succeed, or the layer fails with `KeyringError`. While a
 * later read fails, or the file has a secret that is too short, the ring stays as it was, and a warning is logged once.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFile = ({ path, schedule }: FileOptions): Layer.Layer<Keyring, KeyringError> =>
  Layer.effect(Keyring, followFile({ path, name: 'the option "path"' }, schedule))

/**
 * Provides the secrets of the configuration: one secret, or a list of 1 to 8 secrets of which this node dials with the first. Fails with
 * `ConfigError` if the configuration lacks them, and with `KeyringError` like {@link layer}.
 *
 * **Example** (A secret, or several, in a variable of the application)
 *
 * ```ts
 * import { Keyring } from "@coterie/node-transport"
 * import { Config, Schema } from "effect"
 *
 * const One = Keyring.layerConfig(Config.Redacted("SHOP_SECRET"))
 *
 * // Separated by commas
 * const Several = Keyring.layerConfig(Config.Array(Schema.Redacted(Schema.String), "SHOP_SECRETS"))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  secrets: Config.Config<Redacted.Redacted<string> | ReadonlyArray<Redacted.Redacted<string>>>,
): Layer.Layer<Keyring, KeyringError | Config.ConfigError> =>
  Layer.effect(
    Keyring,
    Effect.flatMap(secrets, (secrets) => manage(Redacted.isRedacted(secrets) ? [secrets] : secrets)),
  )

/**
 * Provides the secrets in environment variables. Fails with `ConfigError` if both variables are set, or none, and with `KeyringError`
 * like {@link layer} and {@link layerFile}.
 *
 * **Details**
 *
 * | variable | content |
 * | --- | --- |
 * | `COTERIE_SECRET` | one secret, or several separated by commas. This node dials with the first. A secret there has no comma |
 * | `COTERIE_SECRET_FILE` | path of a file, as for {@link layerFile}, which reads it with the `schedule` of the options |
 *
 * A variable that is empty counts as not set.
 *
 * **Example** (Ids of the secrets in the environment)
 *
 * ```ts
 * import { Keyring } from "@coterie/node-transport"
 * import { Effect } from "effect"
 *
 * const ids = Effect.map(
 *   Effect.flatMap(Keyring.Keyring, (keyring) => keyring.ring),
 *   (ring) => ring.map((key) => key.id),
 * ).pipe(Effect.provide(Keyring.layerFromEnv()))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFromEnv = (
  options: Pick<FileOptions, "schedule"> = {},
): Layer.Layer<Keyring, KeyringError | Config.ConfigError> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const source = secretSource(yield* secretConfig({}), environmentName({}))
      if (Result.isFailure(source)) return yield* configError(source.failure)
      switch (source.success?._tag) {
        case "Secret":
          return layerConfig(Config.succeed(source.success.secret))
        case "SecretFile":
          return Layer.effect(
            Keyring,
            followFile({ path: source.success.path, name: environmentName({})("secretFile") }, options.schedule),
          )
        case undefined:
          return yield* configError(
            'there is no secret: set COTERIE_SECRET to the output of "openssl rand -base64 32", or COTERIE_SECRET_FILE to a file with it',
          )
      }
    }),
  )

/**
 * Returns the id of the key that a secret makes. It is 12 characters of a hash of the secret, as logs and metrics show it.
 *
 * @category getters
 * @since 0.1.0
 */
export const idOf = (secret: Redacted.Redacted<string>): Result.Result<string, KeyringError> =>
  Result.map(keyOf(secret), ({ id }) => id)

const manage = (secrets: ReadonlyArray<Redacted.Redacted<string>>): Effect.Effect<ManagedKeyring, KeyringError> =>
  Effect.gen(function* () {
    const state = yield* RingState.make(yield* Effect.fromResult(ringOf(secrets)))
    const counted = <A>(change: Effect.Effect<A, KeyringError>) => Effect.tapError(change, () => state.reject)
    return {
      ring: state.ring,
      changes: state.changes,
      rejected: state.rejected,
      add: (secret) =>
        counted(
          Effect.flatMap(Effect.fromResult(keyOf(secret)), (key) =>
            Effect.as(
              state.update((ring) => addKey(ring, key)),
              key.id,
            ),
          ),
        ),
      use: (id) => counted(state.update((ring) => useKey(ring, id))),
      remove: (id) => counted(state.update((ring) => removeKey(ring, id))),
      set: (secrets) => counted(state.update(() => ringOf(secrets))),
    }
  })

/** The surroundings of the tests: what a transport has to provide, and how the tests are registered and run. */
import type * as Address from "@coterie/core/Address"
import type * as Transport from "@coterie/core/Transport"
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"

/**
 * A peer that does not use the transport under test. It accepts connections and reads nothing.
 *
 * @since 0.1.0
 * @category models
 */
export interface SilentPeer {
  /** Address where the peer accepts connections. */
  readonly address: Address.Address
  /** Waits until the peer has a connection, then resets all of its connections, as a crashing host does. */
  readonly reset: Effect.Effect<void>
}

/**
 * Everything that the tests need to know about a transport.
 *
 * @since 0.1.0
 * @category models
 */
export interface Harness {
  /** Makes the transport of a new node that listens on the port. All nodes share one host. */
  readonly transport: (port: number) => Layer.Layer<Transport.Transport>
  /** Starts a peer that does not use the transport. */
  readonly silentPeer: Effect.Effect<SilentPeer, never, Scope.Scope>
  /** Number of open connections and listeners. A test that leaves more than it found has leaked them. */
  readonly open: Effect.Effect<number>
  /**
   * Withdraws the proofs of all open connections on at least one of their sides, with a short time until they are closed. Needed
   * for a transport that proves identities.
   */
  readonly withdraw?: Effect.Effect<void> | undefined
}

/** The functions with which a group of tests registers its tests. */
export interface Suite {
  /** Registers a test. The test fails if it leaves a connection or a listener open. */
  readonly check: <E>(name: string, body: (harness: Harness) => Effect.Effect<void, E, Scope.Scope>) => void
  /** Waits until the condition holds. A condition that never holds runs the test into its timeout. */
  readonly eventually: <E, R>(condition: Effect.Effect<boolean, E, R>) => Effect.Effect<void, E, R>
  /** Lets other fibers run before a test looks again. */
  readonly pause: Effect.Effect<void>
}

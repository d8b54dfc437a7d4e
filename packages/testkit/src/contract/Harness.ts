/** Harness of the tests: the functions that a transport provides, and those that register and run the tests. */
import type * as Address from "@coterie/core/Address"
import type * as Transport from "@coterie/core/Transport"
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"

/**
 * Peer that does not use the transport under test. It accepts connections and reads nothing.
 *
 * @since 0.1.0
 * @category models
 */
export interface SilentPeer {
  /** Address at which the peer accepts connections. */
  readonly address: Address.Address
  /** Waits until the peer has a connection, then resets all of its connections, as a crashing host does. */
  readonly reset: Effect.Effect<void>
}

/**
 * Functions that the tests need from a transport.
 *
 * @since 0.1.0
 * @category models
 */
export interface Harness {
  /** Makes the transport of a new node that listens on the port. All nodes share one host. */
  readonly transport: (port: number) => Layer.Layer<Transport.Transport>
  /** Starts a peer that does not use the transport. */
  readonly silentPeer: Effect.Effect<SilentPeer, never, Scope.Scope>
  /**
   * Returns the number of open connections and listeners. A test that ends with more than at its start has leaked them.
   */
  readonly open: Effect.Effect<number>
  /**
   * Withdraws the proofs of all open connections on at least one of their sides, with a short time until they are
   * closed. Needed for a transport that proves identities.
   */
  readonly withdraw?: Effect.Effect<void> | undefined
}

/** Functions with which a group of tests registers its tests. */
export interface Suite {
  /** Registers a test. The test fails if it leaves a connection or a listener open. */
  readonly check: <E>(name: string, body: (harness: Harness) => Effect.Effect<void, E, Scope.Scope>) => void
  /** Waits until the condition holds. If it never holds, the test times out. */
  readonly eventually: <E, R>(condition: Effect.Effect<boolean, E, R>) => Effect.Effect<void, E, R>
  /**
   * Tests the outcome of a read or a write after a connection has ended. If both ends present certificates, the outcome
   * may also be `unauthenticated`: the other end judges the certificate after the connection is open, so an end before
   * its first byte may be its refusal.
   */
  readonly isEnd: (outcome: unknown, expected: "done" | "closed") => boolean
  /** Lets other fibers run before a test checks a condition again. */
  readonly pause: Effect.Effect<void>
}

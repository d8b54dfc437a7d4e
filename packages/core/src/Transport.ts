/**
 * The interface between Coterie and the network: listen on an address, and connect to an address. A connection is a
 * back-pressured pull of byte batches and a back-pressured write. TCP, TLS and the simulated network are layers of this
 * service, and no other code depends on the transport in use.
 *
 * A test suite checks this contract for every transport:
 *
 * - Bytes written before {@link Connection.end} arrive at the other end's `pull` in order and complete, in batches of
 *   any size. Then `pull` ends with `Cause.Done`.
 * - A connection that is lost fails `pull` and `write` with a {@link TransportError}.
 * - A `write` suspends while the other end does not pull and the buffers of the network are full.
 * - Closing the scope of a connection closes it permanently and frees all of its resources.
 * - {@link Connection.reset} frees all resources of a connection at once. `pull` and `write` of both ends fail.
 * - An interrupted `pull` or `connect` loses no bytes and leaks no connection.
 *
 * @since 0.1.0
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { Address } from "./Address.ts"

/**
 * Reason of a {@link TransportError}.
 *
 * - `refused`: the host answered and refused the connection, so no process listens at the address.
 * - `unreachable`: no route, no such host, or no answer in time.
 * - `closed`: an open connection was lost.
 * - `listen`: the transport could not listen on the address. The message has the cause, usually a port in use.
 *
 * @category errors
 * @since 0.1.0
 */
export class TransportError extends Schema.TaggedError<TransportError>()("TransportError", {
  reason: Schema.Literals(["refused", "unreachable", "closed", "listen"]),
  message: Schema.String,
  cause: Schema.optionalKey(Schema.Defect()),
}) {
  // A stack trace into this library would not help: the message and the cause describe the failure of the network.
  override readonly stack: string = `${this.name}: ${this.message}`
}

/**
 * One connection, open in both directions.
 *
 * @category models
 * @since 0.1.0
 */
export interface Connection {
  /** Host of the other end without a port, as the network reports it. Limits per remote host count by it. */
  readonly remoteHost: string
  /**
   * Waits for the next batch of bytes. The arrays belong to the caller. If an array fills its buffer, the buffer
   * belongs to the caller, too.
   */
  readonly pull: Effect.Effect<NonEmptyReadonlyArray<Uint8Array>, TransportError | Cause.Done>
  /**
   * Passes bytes to the network, in order. Succeeds when the network has accepted them, which does not mean that the
   * other end has received them. The caller must not change the arrays until then, and may change them afterwards. Only
   * one `write` may run at a time.
   */
  readonly write: (chunks: NonEmptyReadonlyArray<Uint8Array>) => Effect.Effect<void, TransportError>
  /** Ends the writing direction after all bytes that were written. Reading continues. */
  readonly end: Effect.Effect<void>
  /**
   * Ends both directions at once, without waiting for the other end. Bytes that have not arrived may be lost. In
   * contrast, closing the scope delivers them and keeps the connection for that time. Has no effect on a connection
   * that has ended.
   */
  readonly reset: Effect.Effect<void>
}

/**
 * An open listener. Connections that arrive before `run` wait for it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Listener {
  /**
   * Addresses at which peers reach this listener, best first, at most 8. If port 0 was requested, they have the port
   * that was assigned, unless the transport is configured to advertise another port, for example behind a NAT.
   */
  readonly addresses: NonEmptyReadonlyArray<Address>
  /**
   * Runs the handler in a separate fiber for each connection that arrives, and closes the connection when the handler
   * ends. Interrupting `run` interrupts the handlers.
   */
  readonly run: <R>(
    handler: (connection: Connection) => Effect.Effect<void, never, R>,
  ) => Effect.Effect<never, never, Exclude<R, Scope.Scope>>
}

/**
 * The network service that Coterie uses.
 *
 * @category services
 * @since 0.1.0
 */
export class Transport extends Context.Service<
  Transport,
  {
    /** Starts listening at the address that the layer is configured with. Closing the scope ends it. */
    readonly listen: Effect.Effect<Listener, TransportError, Scope.Scope>
    /** Opens a connection. Closing the scope closes it. */
    readonly connect: (address: Address) => Effect.Effect<Connection, TransportError, Scope.Scope>
  }
>()("@coterie/core/Transport") {}

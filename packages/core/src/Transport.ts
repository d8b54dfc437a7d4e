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
 * - `connect` fails with `refused` only if the host answered that no process listens at the address.
 * - {@link Connection.identity} is set before the first `pull`, and never changes.
 * - If the other end judges the proof of this node after the connection is open, as it does with certificates, a
 *   connection that ends before the first byte of the other end fails `pull` with `unauthenticated`.
 * - The metrics of a node are not used after the scope of `addMetrics` is closed.
 * - {@link Connection.renewal} completes at most once. After the proof of a connection is withdrawn, `pull` and `write`
 *   fail with `closed` within a bound of the transport.
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
import type { NodeMetrics } from "./NodeMetrics.ts"

/**
 * Failure of the network.
 *
 * - `refused`: the host answered that no process listens at the address (ECONNREFUSED), and nothing else. The failure
 *   detector uses it as evidence that the process has ended.
 * - `unreachable`: no connection came about: no route, no such host, no answer in time, or a connection that was cut
 *   before it was open.
 * - `unauthenticated`: a process answered, and one side does not accept the proof of the other. Another attempt may
 *   succeed, because secrets and certificates change.
 * - `forbidden`: the network lists of this node exclude the address. This node sent nothing.
 * - `closed`: an open connection was lost.
 * - `listen`: the transport could not listen on the address. The message has the cause, usually a port in use.
 *
 * @category errors
 * @since 0.1.0
 */
export class TransportError extends Schema.TaggedError<TransportError>()("TransportError", {
  reason: Schema.Literals(["refused", "unreachable", "unauthenticated", "forbidden", "closed", "listen"]),
  message: Schema.String,
  cause: Schema.optionalKey(Schema.Defect()),
}) {
  // A stack trace into this library would not help: the message and the cause describe the failure of the network.
  override readonly stack: string = `${this.name}: ${this.message}`
}

/**
 * Proof of the other end of a connection, which the transport checks before it hands the connection out.
 *
 * - `Secret`: the other end has a secret of the ring. Each process with the secret can claim any name. `key` is the id
 *   of the secret, and may be shown in logs and metrics.
 * - `Certificate`: the other end has the private key of a certificate of a trusted authority. `names` are the DNS
 *   names, in lower case, and the URIs of the certificate. `fingerprint` is its SHA-256 hash. `validTo` is the time of
 *   its expiry, in milliseconds since 1970.
 *
 * @category models
 * @since 0.1.0
 */
export type Identity =
  | { readonly _tag: "Secret"; readonly key: string }
  | {
      readonly _tag: "Certificate"
      readonly names: ReadonlyArray<string>
      readonly fingerprint: string
      readonly validTo: number
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
   * Proof of the other end. Absent if the transport requires none. Set before the first `pull`, and never changed.
   */
  readonly identity?: Identity | undefined
  /**
   * Completes, at most once, when another connection to the peer should replace this connection, because its proof is
   * withdrawn or the connection is old: only the transport knows the age and the bytes of a connection. Absent if that
   * never happens. The node dials the peer again within 10 seconds, and moves the link without loss. A transport that
   * withdraws a proof closes the connection itself after a bound, and `pull` and `write` then fail with `closed`. With
   * a bound of less than 20 seconds links can end before they are renewed.
   */
  readonly renewal?: Effect.Effect<void> | undefined
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
    /**
     * Adds the metrics of the transport to those of a node, whose labels the transport does not know. A node calls it
     * once, before `listen`. Closing the scope, which the node does when it has left, ends the use of `metrics`. Absent if
     * the transport has no metrics. A layer that wraps a transport must pass it on.
     */
    readonly addMetrics?: ((metrics: NodeMetrics) => Effect.Effect<void, never, Scope.Scope>) | undefined
  }
>()("@coterie/core/Transport") {}

/**
 * A step of a dial that has succeeded.
 *
 * - `Resolved`: the host of the address has these IP addresses, of which the transport dials the first that answers.
 * - `Connected`: the connection is open, and `host` is the IP address that answered. A transport that tries several secrets
 *   opens a connection for each.
 * - `Secured`: the handshake of TLS is complete. With certificates, each side can still refuse the other. `protocol` and
 *   `cipher` are the names of OpenSSL, such as `TLSv1.3` and `TLS_AES_128_GCM_SHA256`.
 *
 * @category models
 * @since 0.1.0
 */
export type DialStep = Schema.Schema.Type<typeof DialStep>

/**
 * Schema of a step of a dial.
 *
 * @category schemas
 * @since 0.1.0
 */
export const DialStep = Schema.Union([
  Schema.TaggedStruct("Resolved", { hosts: Schema.Array(Schema.String) }),
  Schema.TaggedStruct("Connected", { host: Schema.String }),
  Schema.TaggedStruct("Secured", { protocol: Schema.String, cipher: Schema.String }),
])

/**
 * Function that a transport calls with each step of a dial, as soon as it has succeeded. `Probe.probe` provides one to
 * `connect`. A transport without such steps calls nothing. By default nothing observes dials.
 *
 * @category references
 * @since 0.1.0
 */
export const DialObserver = Context.Reference<(step: DialStep) => void>("@coterie/core/Transport/DialObserver", {
  defaultValue: () => () => {},
})

/**
 * Effect's `Socket` on the simulated network, in the place of `NodeSocket` of `@effect/platform-node`. A program that
 * communicates over sockets, such as a client of `effect/rpc`, runs in a simulation unchanged: its layer takes the socket
 * from here.
 *
 * **Details**
 *
 * A socket behaves as a socket of `NodeSocket.makeNet` does, and one suite of tests checks both:
 *
 * - Each acquisition of the reader opens a connection, and closing its scope closes the connection. A waiting pull then
 *   fails with the close code 1006.
 * - The end of the other side's stream fails a pull with the close code 1000, after all bytes. It also ends the own
 *   stream.
 * - A lost connection fails pulls with `SocketReadError`, and writes with `SocketWriteError`. The cause has the `code` of
 *   Node: `ECONNRESET`, or `ETIMEDOUT` if the bytes could not be delivered for 30 seconds.
 * - A connection that cannot be opened fails with `SocketOpenError`. The cause has the code `ECONNREFUSED`, `ETIMEDOUT`,
 *   `ENOTFOUND` for a host name without a node, or `EHOSTUNREACH` for an address without a node.
 * - Writes wait while the buffers of the network are full, and while there is no connection.
 *
 * Every node has an address of its own, and its name is a host name. `localhost` is the own node.
 *
 * Not simulated: TLS (`upgrade` fails with `SocketUpgradeError`), paths of Unix sockets, WebSocket, the time of the name
 * resolution, and the options of `node:net` other than those of {@link NetOptions}.
 *
 * ```ts
 * import * as SimSocket from "@coterie/testkit/SimSocket"
 * import { Layer } from "effect"
 * import { RpcClient, RpcSerialization } from "effect/rpc"
 *
 * const layerProtocol = RpcClient.layerProtocolSocket().pipe(
 *   Layer.provide([SimSocket.layerNet({ host: "server", port: 3000 }), RpcSerialization.layerNdjson]),
 * )
 * ```
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Socket from "effect/socket/Socket"
import { SimHost } from "./SimHost.ts"
import * as SimulatedSocket from "./socket/simulatedSocket.ts"

/**
 * Options of a connection.
 *
 * @category options
 * @since 0.1.0
 */
export interface NetOptions {
  /** Name or IPv4 address of a node. Defaults to the own node, as in Node. */
  readonly host?: string | undefined
  /** Port of the server. */
  readonly port: number
  /**
   * Time after which a connection that is not open fails with `SocketOpenError` and the kind `Timeout`. Defaults to the
   * timeout of the network, which is 30 seconds and fails with `ETIMEDOUT`.
   */
  readonly openTimeout?: Duration.Input | undefined
}

/**
 * Makes a socket that connects to a node when its reader is acquired.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeNet = ({
  host = "localhost",
  openTimeout,
  port,
}: NetOptions): Effect.Effect<Socket.Socket, never, SimHost> =>
  Effect.map(SimHost, ({ sockets }) => {
    const open = Effect.mapError(sockets.connect(host, port), (cause) => SimulatedSocket.openError(cause))
    if (openTimeout === undefined) return SimulatedSocket.make(open)
    return SimulatedSocket.make(
      Effect.timeoutOrElse(open, {
        duration: openTimeout,
        orElse: () => Effect.fail(SimulatedSocket.openError(new Error("Connection timed out"), "Timeout")),
      }),
    )
  })

/**
 * Makes a socket as a layer.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerNet = (options: NetOptions): Layer.Layer<Socket.Socket, never, SimHost> =>
  Layer.effect(Socket.Socket)(makeNet(options))

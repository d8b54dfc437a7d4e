/**
 * Effect's `SocketServer` on the simulated network, in the place of `NodeSocketServer` of `@effect/platform-node`. A
 * program that listens on a port, such as a server of `effect/rpc` or a runner of `effect/cluster`, runs in a simulation
 * unchanged: its layer takes the server from here.
 *
 * **Details**
 *
 * A server behaves as a server of `NodeSocketServer.make` does, and one suite of tests checks both:
 *
 * - It listens when it is made, and connections wait until `run` is called. They wait again when `run` is interrupted,
 *   which interrupts the handlers.
 * - A handler that fails or dies ends only its own connection.
 * - `address` has the address of the node if `host` is its name, `127.0.0.1` for `localhost`, and `::` without a host.
 *   Port 0 picks a free port. A server on `localhost` accepts only connections of its own node.
 * - A port in use fails with `SocketServerOpenError`, whose cause has the code `EADDRINUSE`. A host of another node fails
 *   with `EADDRNOTAVAIL`, and a host that does not exist with `ENOTFOUND`.
 *
 * Not simulated: TLS, Unix sockets, WebSocket, and the services `NetSocket` and `IncomingMessage` of Node in a handler. A
 * connection is closed when its handler ends; in Node a connection whose handler never acquired a reader stays open.
 * Closing the scope does not wait for open connections.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import * as SocketServer from "effect/socket/SocketServer"
import type { TcpListener } from "./network/HostSockets.ts"
import type { TcpConnection } from "./network/TcpConnection.ts"
import { SimHost } from "./SimHost.ts"
import * as SimulatedSocket from "./socket/simulatedSocket.ts"

/**
 * Options of a server.
 *
 * @category options
 * @since 0.1.0
 */
export interface ListenOptions {
  /** Name or address of the own node, or `localhost`. Defaults to all addresses of the node. */
  readonly host?: string | undefined
  /** Port on which the server listens; 0 picks a free one. */
  readonly port: number
}

/** Makes the connection of an accepted socket available to its reader, once. */
const accepted = (connection: TcpConnection): Effect.Effect<TcpConnection, Socket.SocketError> => {
  let isTaken = false
  return Effect.suspend(() => {
    const { failure } = connection
    if (isTaken) return Effect.fail(new Socket.SocketError({ reason: new Socket.SocketCloseError({ code: 1000 }) }))
    if (failure !== undefined) return Effect.fail(SimulatedSocket.openError(failure))
    isTaken = true
    return Effect.succeed(connection)
  })
}

const run =
  (listener: TcpListener): SocketServer.SocketServer["Service"]["run"] =>
  <R, E, _>(handler: (socket: Socket.Socket) => Effect.Effect<_, E, R>) =>
    Effect.scoped(
      Effect.gen(function* () {
        const fork = yield* FiberSet.makeRuntime<R>()
        yield* Effect.addFinalizer(() => Effect.sync(() => listener.stop()))
        listener.begin((connection) => {
          const socket = SimulatedSocket.make(accepted(connection))
          fork(
            // The handler starts after this call, so that its fiber is registered before it can wake another fiber.
            Effect.andThen(Effect.yieldNow, handler(socket)).pipe(
              Effect.ensuring(Effect.sync(() => connection.close())),
              Effect.ignoreCause({ log: "Unhandled", message: "the handler of a connection failed" }),
            ),
          )
        })
        return yield* Effect.never
      }),
    )

/**
 * Makes a server, which listens until the scope is closed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = ({
  host,
  port,
}: ListenOptions): Effect.Effect<
  SocketServer.SocketServer["Service"],
  SocketServer.SocketServerError,
  Scope.Scope | SimHost
> =>
  Effect.gen(function* () {
    const { sockets } = yield* SimHost
    const listener = yield* sockets.listen(host, port)
    return {
      address: yield* Effect.fromResult(NetAddress.inetAddressFromIpString(listener.address, listener.port)),
      run: run(listener),
    }
  }).pipe(
    Effect.mapError(
      (cause) => new SocketServer.SocketServerError({ reason: new SocketServer.SocketServerOpenError({ cause }) }),
    ),
  )

/**
 * Makes a server as a layer.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: ListenOptions,
): Layer.Layer<SocketServer.SocketServer, SocketServer.SocketServerError, SimHost> =>
  Layer.effect(SocketServer.SocketServer)(make(options))

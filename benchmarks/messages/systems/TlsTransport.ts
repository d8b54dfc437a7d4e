/**
 * TLS as a `Transport`, for measurements on one machine. @coterie/node-transport has no TLS yet. This transport reads
 * and writes its sockets as the TCP transport does, so that the difference is the cost of TLS.
 */
import * as Address from "@coterie/core/Address"
import * as Transport from "@coterie/core/Transport"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { AddressInfo } from "node:net"
import * as Tls from "node:tls"
import * as SocketConnection from "../../../packages/node-transport/src/internal/socket/SocketConnection.ts"
import { host } from "./Driver.ts"

const lingerMillis = 5_000

type Options = Tls.CommonConnectionOptions & Tls.SecureContextOptions

export const layer = (options: Options): Layer.Layer<Transport.Transport> =>
  Layer.succeed(Transport.Transport)({ listen: listen(options), connect: (address) => connect(options, address) })

const failure = (reason: Transport.TransportError["reason"], cause: unknown): Transport.TransportError =>
  new Transport.TransportError({ reason, message: `TLS: ${String(cause)}`, cause })

const open = (socket: Tls.TLSSocket) => SocketConnection.make(socket, lingerMillis)

const connect = (
  options: Options,
  address: Address.Address,
): Effect.Effect<Transport.Connection, Transport.TransportError, Scope.Scope> =>
  Effect.gen(function* () {
    const socket = Tls.connect({ ...options, host: Address.host(address), port: Address.port(address) })
    socket.setNoDelay(true)
    yield* Effect.callback<void, Transport.TransportError>((resume) => {
      socket.once("secureConnect", () => resume(Effect.void))
      socket.on("error", (cause) => resume(Effect.fail(failure("unreachable", cause))))
    })
    return yield* open(socket)
  })

const listen = (options: Options): Effect.Effect<Transport.Listener, Transport.TransportError, Scope.Scope> =>
  Effect.gen(function* () {
    let accept = (socket: Tls.TLSSocket): void => void socket.destroy()
    const server = Tls.createServer({ ...options, noDelay: true }, (socket) => accept(socket))
    yield* Effect.callback<void, Transport.TransportError>((resume) => {
      server.once("error", (cause) => resume(Effect.fail(failure("listen", cause))))
      server.listen(0, host, () => resume(Effect.void))
    })
    yield* Effect.addFinalizer(() => Effect.sync(() => server.close()))
    // The address of a TCP server is never a string.
    const address = Address.make(host, (server.address() as AddressInfo).port)
    if (Result.isFailure(address)) return yield* failure("listen", address.failure)
    return { addresses: [address.success], run: run((handle) => (accept = handle)) }
  })

const run =
  (onSocket: (accept: (socket: Tls.TLSSocket) => void) => void): Transport.Listener["run"] =>
  <R>(handler: (connection: Transport.Connection) => Effect.Effect<void, never, R>) =>
    Effect.scoped(
      Effect.gen(function* () {
        const fork = yield* FiberSet.makeRuntime<Exclude<R, Scope.Scope>>()
        onSocket((socket) => {
          fork(Effect.scoped(Effect.flatMap(open(socket), handler)))
        })
        return yield* Effect.never
      }),
    )

/** Sockets of one process at a host: resolves names, connects, and listens, with the errors of an operating system. */
import * as Address from "@coterie/core/Address"
import type * as Transport from "@coterie/core/Transport"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { type SystemError, systemError } from "../internal/systemError.ts"
import type { Connections } from "./Connections.ts"
import type { Host, TransportInstance } from "./Host.ts"
import type { HostTable } from "./HostTable.ts"
import type { Listener } from "./Listener.ts"
import type { ListenerTable } from "./ListenerTable.ts"
import * as SimTransport from "./SimTransport.ts"
import { TcpConnection } from "./TcpConnection.ts"
import { connectionClosed } from "./transportError.ts"

/** Names and addresses of the own host that other hosts cannot use. */
const loopback: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "::1"])

/** Addresses that stand for all addresses of the own host. */
const unspecified: ReadonlySet<string> = new Set(["0.0.0.0", "::"])

/** Form of an IPv4 address. */
const ipv4 = /^\d{1,3}(\.\d{1,3}){3}$/

/** Dies with the error of Node if the number cannot be a port. */
const requirePort = (port: number): Effect.Effect<void> =>
  Number.isInteger(port) && port >= 0 && port < 65_536
    ? Effect.void
    : Effect.die(
        Object.assign(new RangeError(`Port should be >= 0 and < 65536. Received ${port}.`), {
          code: "ERR_SOCKET_BAD_PORT",
        }),
      )

/** Listener of a program. Connections that arrive before `begin` wait. */
export interface TcpListener {
  /** Address on which the listener listens, as the operating system reports it. */
  readonly address: string
  readonly port: number
  /** Hands all connections that wait, and all later ones, to the function, which runs inside the process. */
  readonly begin: (accept: (connection: TcpConnection) => void) => void
  /** Lets later connections wait. */
  readonly stop: () => void
}

interface Options {
  readonly connections: Connections
  readonly listeners: ListenerTable
  readonly hosts: HostTable
  readonly instance: TransportInstance
}

export class HostSockets {
  private readonly options: Options

  constructor(options: Options) {
    this.options = options
  }

  private get host(): Host {
    return this.options.instance.host
  }

  /** Finds the host with a name or an address. */
  private resolve(name: string): Result.Result<Host, SystemError> {
    if (loopback.has(name) || unspecified.has(name)) return Result.succeed(this.host)
    const host = this.options.hosts.findNode(name)
    if (host !== undefined) return Result.succeed(host)
    return Result.fail(
      ipv4.test(name)
        ? systemError("EHOSTUNREACH", "connect", name, { address: name })
        : systemError("ENOTFOUND", "getaddrinfo", name, { hostname: name }),
    )
  }

  /** Opens a connection. Closing the scope closes it. */
  connect(host: string, port: number): Effect.Effect<TcpConnection, SystemError, Scope.Scope> {
    const { connections, hosts, instance } = this.options
    return Effect.gen({ self: this }, function* () {
      yield* requirePort(port)
      const remote = yield* Effect.fromResult(this.resolve(host))
      const failed = (code: "ECONNREFUSED" | "ETIMEDOUT") =>
        systemError(code, "connect", `${remote.ip}:${port}`, { address: remote.ip, port })
      const address = Address.make(remote.name, port)
      if (Result.isFailure(address)) return yield* Effect.fail(failed("ECONNREFUSED"))
      const endpoint = yield* Effect.mapError(
        SimTransport.dial({ connections, hosts }, instance, address.success),
        ({ reason }: Transport.TransportError) => failed(reason === "refused" ? "ECONNREFUSED" : "ETIMEDOUT"),
      )
      return new TcpConnection(connections, endpoint)
    })
  }

  /** Listens until the scope is closed. Port 0 picks a free port. Without a host, it listens on all addresses. */
  listen(host: string | undefined, port: number): Effect.Effect<TcpListener, SystemError, Scope.Scope> {
    const { connections, listeners } = this.options
    return Effect.acquireRelease(
      Effect.andThen(
        requirePort(port),
        Effect.suspend(() => Effect.fromResult(this.open(host, port))),
      ),
      (listener) =>
        Effect.sync(() => {
          listeners.remove(listener)
          for (const endpoint of listener.takeBacklog()) connections.reset(endpoint, connectionClosed(endpoint))
        }),
    ).pipe(
      Effect.map((listener): TcpListener => ({
        address: this.boundAddress(host),
        port: Address.port(listener.address),
        begin: (accept) => listener.begin((endpoint) => accept(new TcpConnection(connections, endpoint))),
        stop: () => listener.stop(),
      })),
    )
  }

  private boundAddress(host: string | undefined): string {
    if (host === undefined) return "::"
    if (host === "localhost") return "127.0.0.1"
    return loopback.has(host) || unspecified.has(host) ? host : this.host.ip
  }

  private open(name: string | undefined, port: number): Result.Result<Listener, SystemError> {
    const { instance, listeners } = this.options
    const host = name === undefined ? Result.succeed(this.host) : this.resolve(name)
    if (Result.isFailure(host) && host.failure.code === "ENOTFOUND") return Result.fail(host.failure)
    const text = this.boundAddress(name)
    const place = { address: text, port }
    const failed = (code: "EADDRINUSE" | "EADDRNOTAVAIL") => systemError(code, "listen", `${text}:${port}`, place)
    if (Result.isFailure(host) || host.success !== this.host) return Result.fail(failed("EADDRNOTAVAIL"))
    const isLoopback = name !== undefined && loopback.has(name)
    return Result.mapError(listeners.add(instance, port, isLoopback), () => failed("EADDRINUSE"))
  }
}

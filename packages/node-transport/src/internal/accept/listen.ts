/** Listening, for each kind of server. */
import * as Address from "@coterie/core/Address"
import * as Transport from "@coterie/core/Transport"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type * as Net from "node:net"
import { advertisedAddresses, isLoopback } from "./advertisedAddresses.ts"
import { errorCode } from "../socket/errorCode.ts"
import type { HostLookups } from "../dns/HostLookups.ts"
import type { SourceError } from "../dns/resolver.ts"

/** Place of a listener, as in the options of the transports. */
export interface Place {
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly advertise?: string | ReadonlyArray<string> | undefined
}

/** A server that hands what arrives to one acceptor at a time. */
export interface Server<A> {
  readonly net: Net.Server
  readonly run: (accept: (arrival: A) => void) => Effect.Effect<never>
  readonly close: () => void
}

/** Listener of a transport. */
export interface Listening<A> extends Place {
  readonly lookups: HostLookups
  readonly makeServer: () => Server<A>
  /** Reason for which the server must listen on the loopback only, or `undefined` if it may listen on every interface. */
  readonly loopbackOnly: ((host: string) => string) | undefined
  /** Logs how the server protects its connections. `loopback` is true if only this machine reaches the server. */
  readonly log: (loopback: boolean) => Effect.Effect<void>
  readonly open: (arrival: A) => Effect.Effect<Transport.Connection, never, Scope.Scope>
}

const defaultHost = "127.0.0.1"

export const listen = <A>(
  options: Listening<A>,
): Effect.Effect<Transport.Listener, Transport.TransportError, Scope.Scope> =>
  Effect.gen(function* () {
    const host = (options.host ?? defaultHost).replace(/^\[(.*)\]$/, "$1")
    const port = options.port ?? Address.defaultPort
    if (!Number.isInteger(port) || port < 0 || port > 65535) {
      return yield* listenError(`the port must be an integer from 0 to 65535, not ${port}`)
    }
    const [ip] = yield* Effect.catch(options.lookups.find(host), (cause) =>
      listenError(lookupMessage(host, cause), cause),
    )
    const server = yield* Effect.acquireRelease(
      Effect.sync(() => options.makeServer()),
      (server) => Effect.sync(() => server.close()),
    )
    yield* Effect.callback<void, Transport.TransportError>((resume) => {
      server.net.once("error", (cause) => resume(listenError(listenMessage(host, port, cause))))
      server.net.listen({ host: ip, port }, () => resume(Effect.void))
    })
    const bound = server.net.address()
    if (bound === null || typeof bound === "string") return yield* listenError(`${host} is not a TCP host`)
    const loopback = isLoopback(bound.address)
    if (options.loopbackOnly !== undefined && !loopback) {
      return yield* listenError(options.loopbackOnly(host))
    }
    const addresses = advertisedAddresses(options.advertise, host, bound)
    if (Result.isFailure(addresses)) return yield* listenError(addresses.failure)
    yield* options.log(loopback)
    return { addresses: addresses.success, run: run(server, options.open) }
  })

const run =
  <A>(server: Server<A>, open: Listening<A>["open"]): Transport.Listener["run"] =>
  <R>(handler: (connection: Transport.Connection) => Effect.Effect<void, never, R>) =>
    Effect.scoped(
      Effect.gen(function* () {
        const fork = yield* FiberSet.makeRuntime<Exclude<R, Scope.Scope>>()
        return yield* server.run((arrival) => {
          fork(
            open(arrival).pipe(
              // The handler starts after this call, so that a fiber that the handler wakes finds it in the set.
              Effect.tap(Effect.yieldNow),
              Effect.flatMap(handler),
              Effect.scoped,
              Effect.ignoreCause({ log: "Error", message: "the handler of a connection failed with a defect" }),
            ),
          )
        })
      }),
    )

/** Fails with the reason `listen`. */
export const listenError = (message: string, cause?: unknown): Effect.Effect<never, Transport.TransportError> =>
  Effect.fail(new Transport.TransportError({ reason: "listen", message, ...(cause === undefined ? {} : { cause }) }))

const lookupMessage = (host: string, { message, reason }: SourceError): string =>
  reason === "notFound"
    ? `the host ${host} is unknown: listen on an address of this machine, or on 0.0.0.0 for all interfaces`
    : `the lookup of the host ${host} failed: ${message}`

const listenMessage = (host: string, port: number, cause: unknown): string => {
  const code = errorCode(cause)
  switch (code) {
    case "EADDRINUSE":
      return `port ${port} on ${host} is in use: pick another, or 0 for any free one`
    case "EACCES":
      return `port ${port} on ${host} is not allowed: ports below 1024 need privileges, so pick a higher one`
    case "EADDRNOTAVAIL":
      return `${host} is not an address of this machine: listen on one that is, or on 0.0.0.0 for all interfaces`
    default:
      return `cannot listen on port ${port} of ${host}: ${code ?? String(cause)}`
  }
}

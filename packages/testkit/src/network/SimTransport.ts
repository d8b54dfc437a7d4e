/** `Transport` service of one transport instance, on top of the connections and listeners of the network. */
import * as Address from "@coterie/core/Address"
import type * as Transport from "@coterie/core/Transport"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import type { Connections } from "./Connections.ts"
import type { Endpoint } from "./Endpoint.ts"
import type { TransportInstance } from "./Host.ts"
import type { HostTable } from "./HostTable.ts"
import type { Listener } from "./Listener.ts"
import type { ListenerTable } from "./ListenerTable.ts"
import { connectionClosed, transportError } from "./transportError.ts"

interface Options {
  readonly connections: Connections
  readonly listeners: ListenerTable
  readonly hosts: HostTable
}

/** Makes the service. It listens on the port; 0 picks a free port. */
export const make = (options: Options, instance: TransportInstance, port: number): Transport.Transport["Service"] => ({
  listen: listen(options, instance, port),
  connect: (address) => connect(options, instance, address),
})

/** Succeeds or fails with the outcome of an operation that has just ended. */
const outcome = (endpoint: Endpoint): Effect.Effect<void, Transport.TransportError> =>
  endpoint.error === undefined ? Effect.void : Effect.fail(endpoint.error)

/** Makes the connection that the program of an endpoint uses. */
export const connectionOf = (connections: Connections, endpoint: Endpoint): Transport.Connection => {
  const pull: Transport.Connection["pull"] = Effect.suspend(() => connections.take(endpoint) ?? arrival)
  const arrival: Transport.Connection["pull"] = Effect.callback((resume) => {
    // The fiber itself takes the bytes, so an interrupted fiber leaves them in the inbox.
    const waiter = () => resume(pull)
    // Bytes may have arrived since the fiber checked.
    if (connections.hasInput(endpoint)) return waiter()
    endpoint.waiter = waiter
    return Effect.sync(() => {
      if (endpoint.waiter === waiter) endpoint.waiter = undefined
    })
  })
  const written = Effect.callback<void, Transport.TransportError>((resume) => {
    const writer = () => resume(outcome(endpoint))
    if (endpoint.error !== undefined || endpoint.outbox.length === 0) return writer()
    endpoint.writers.add(writer)
    return Effect.sync(() => endpoint.writers.delete(writer))
  })
  const identity = endpoint.peer.proof
  const renewal = Effect.callback<void>((resume) => {
    if (endpoint.renewing) return resume(Effect.void)
    const renewer = () => resume(Effect.void)
    endpoint.renewer = renewer
    return Effect.sync(() => {
      if (endpoint.renewer === renewer) endpoint.renewer = undefined
    })
  })
  return {
    remoteHost: endpoint.direction.to.name,
    identity,
    // A connection without any proof costs no fiber that waits for its renewal.
    renewal: identity === undefined && endpoint.proof === undefined ? undefined : renewal,
    pull,
    write: (chunks) =>
      Effect.suspend(() => {
        if (endpoint.error !== undefined) return Effect.fail(endpoint.error)
        if (endpoint.writeEnded)
          return Effect.fail(transportError("closed", "a connection cannot be written after `end`"))
        for (const chunk of chunks) if (chunk.length > 0) endpoint.outbox.push(chunk)
        connections.flush(endpoint)
        return endpoint.outbox.length === 0 ? Effect.void : written
      }),
    end: Effect.sync(() => connections.endWriting(endpoint)),
    reset: Effect.sync(() => connections.reset(endpoint, connectionClosed(endpoint))),
  }
}

/** Opens a connection, and returns its end at this host. Closing the scope closes the connection. */
export const dial = (
  { connections, hosts }: Omit<Options, "listeners">,
  instance: TransportInstance,
  address: Address.Address,
): Effect.Effect<Endpoint, Transport.TransportError, Scope.Scope> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const { alive, host } = instance
      if (!alive) {
        return yield* Effect.fail(transportError("unreachable", `${host.name} has crashed: build its transport again`))
      }
      const remote = hosts.get(Address.host(address))
      const there = hosts.direction(host, remote)
      const back = hosts.direction(remote, host)
      const endpoint = connections.dial(instance, address, there, back)
      const opened = Effect.callback<void, Transport.TransportError>((resume) => {
        const waiter = () => resume(outcome(endpoint))
        // The dial may have ended since it began, while this fiber did not run.
        if (endpoint.state !== "opening") return waiter()
        endpoint.waiter = waiter
      })
      yield* Effect.onExit(restore(opened), (exit) =>
        Effect.sync(() => {
          if (Exit.isSuccess(exit)) return
          endpoint.waiter = undefined
          connections.abortDial(endpoint, connectionClosed(endpoint))
        }),
      )
      yield* Effect.addFinalizer(() => Effect.sync(() => connections.close(endpoint)))
      return endpoint
    }),
  )

/** Opens a connection. Closing the scope closes the connection. */
const connect = (
  options: Options,
  instance: TransportInstance,
  address: Address.Address,
): Effect.Effect<Transport.Connection, Transport.TransportError, Scope.Scope> =>
  Effect.map(dial(options, instance, address), (endpoint) => connectionOf(options.connections, endpoint))

/** Listens until the scope is closed. */
const listen = (
  { connections, listeners }: Options,
  instance: TransportInstance,
  port: number,
): Effect.Effect<Transport.Listener, Transport.TransportError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.suspend(() => Effect.fromResult(listeners.add(instance, port))),
    (listener) =>
      Effect.sync(() => {
        listeners.remove(listener)
        for (const endpoint of listener.takeBacklog()) connections.reset(endpoint, connectionClosed(endpoint))
      }),
  ).pipe(
    Effect.map((listener): Transport.Listener => ({ addresses: [listener.address], run: run(connections, listener) })),
  )

const run =
  (connections: Connections, listener: Listener): Transport.Listener["run"] =>
  <R>(handler: (connection: Transport.Connection) => Effect.Effect<void, never, R>) =>
    Effect.scoped(
      Effect.gen(function* () {
        const fork = yield* FiberSet.makeRuntime<Exclude<R, Scope.Scope>>()
        yield* Effect.addFinalizer(() => Effect.sync(() => listener.stop()))
        listener.begin((endpoint) => {
          fork(
            Effect.acquireRelease(Effect.succeed(connectionOf(connections, endpoint)), () =>
              Effect.sync(() => connections.close(endpoint)),
            ).pipe(
              // The handler starts after this call, so that its fiber is registered before it can wake another fiber.
              Effect.tap(Effect.yieldNow),
              Effect.flatMap(handler),
              Effect.scoped,
              Effect.ignoreCause({ log: "Error", message: "the handler of a connection failed with a defect" }),
            ),
          )
        })
        return yield* Effect.never
      }),
    )

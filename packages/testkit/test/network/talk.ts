/** Nodes that exchange bytes over a `SimNetwork` under the test clock. */
import * as Address from "@coterie/core/Address"
import * as Transport from "@coterie/core/Transport"
import type * as SimNetwork from "@coterie/testkit/SimNetwork"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"

export const nodeAt = (network: SimNetwork.Shape, host: string, port?: number | SimNetwork.TransportOptions) =>
  Effect.map(Layer.build(network.transport(host, port)), Context.get(Transport.Transport))

export const utf8 = new TextEncoder()
export const text = new TextDecoder()

export const say = (connection: Transport.Connection, words: string) => connection.write([utf8.encode(words)])

/** Returns the next batch as text, or how the stream ended. */
export const hear = (connection: Transport.Connection) =>
  Effect.match(connection.pull, {
    onSuccess: (batch) => batch.map((chunk) => text.decode(chunk)).join(""),
    onFailure: (error) => (Cause.isDone(error) ? "done" : error.reason),
  })

export const reasonOf = <A, R>(effect: Effect.Effect<A, Transport.TransportError, R>) =>
  Effect.map(Effect.flip(effect), (error) => error.reason)

export const start = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkScoped(effect, { startImmediately: true })

/** Runs everything that needs no time. */
export const settle = TestClock.adjust(0)

/** Returns the virtual time that an effect takes, in milliseconds. */
export const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const began = yield* Clock.currentTimeMillis
    const result = yield* effect
    return [result, (yield* Clock.currentTimeMillis) - began] as const
  })

/** Makes node `a` dial node `b`, and advances the clock until both have the connection. */
export const linked = (
  network: SimNetwork.Shape,
  advance = TestClock.adjust("1 second"),
  identity?: Transport.Identity,
) =>
  Effect.gen(function* () {
    const a = yield* nodeAt(network, "a", { identity })
    const b = yield* nodeAt(network, "b", { identity })
    const listener = yield* b.listen
    const accepted = yield* Deferred.make<Transport.Connection>()
    const release = yield* Deferred.make<void>()
    yield* start(
      listener.run((connection) => Effect.andThen(Deferred.succeed(accepted, connection), Deferred.await(release))),
    )
    const scope = yield* Scope.fork(yield* Effect.scope)
    const dialing = yield* start(Scope.provide(a.connect(listener.addresses[0]), scope))
    yield* advance
    return {
      a,
      b,
      listener,
      dialer: yield* Fiber.join(dialing),
      acceptor: yield* Deferred.await(accepted),
      close: Scope.close(scope, Exit.void),
      release: Deferred.succeed(release, undefined),
    }
  })

export const address = (input: string) => Effect.orDie(Effect.fromResult(Address.parse(input)))

/** A process that stalls, and then runs its timers before it reads its sockets. */
import * as FailureDetector from "@coterie/core/FailureDetector"
import * as Reconnect from "@coterie/core/Reconnect"
import * as Transport from "@coterie/core/Transport"
import type * as SimNetwork from "@coterie/testkit/SimNetwork"
import { assert, describe } from "@effect/vitest"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as World from "./world.ts"

const scenario = World.simulated

describe("a stall of this process", () => {
  /** Makes a world whose nodes stall while `meanwhile` runs. */
  const stallable = (network: SimNetwork.Shape) => {
    const timers = Latch.makeUnsafe(true)
    const sockets = Latch.makeUnsafe(true)
    const clock = Layer.effect(
      Clock.Clock,
      Effect.map(Clock.Clock, (clock) => ({
        ...clock,
        sleep: (duration: Duration.Duration) => Effect.andThen(clock.sleep(duration), timers.await),
        currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe(),
        monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
      })),
    )
    const gate = (connection: Transport.Connection): Transport.Connection => ({
      ...connection,
      pull: Effect.andThen(
        sockets.await,
        Effect.tap(connection.pull, () => sockets.await),
      ),
    })
    const { node } = World.sim({
      ...network,
      transport: (host) =>
        Layer.effect(
          Transport.Transport,
          Effect.map(Transport.Transport, (transport) => ({
            listen: Effect.map(transport.listen, ({ addresses, run }): Transport.Listener => ({
              addresses,
              run: (handler) => run((connection) => handler(gate(connection))),
            })),
            connect: (address) => Effect.map(transport.connect(address), gate),
          })),
        ).pipe(Layer.provide(network.transport(host))),
    })
    const policies = Layer.mergeAll(FailureDetector.layerLocal, Reconnect.layer(Schedule.spaced("100 millis")), clock)
    return {
      node: (name: string) => node(name, {}, policies),
      stall: <E>(meanwhile: Effect.Effect<void, E>) =>
        Effect.gen(function* () {
          timers.closeUnsafe()
          sockets.closeUnsafe()
          yield* meanwhile
          timers.openUnsafe()
          yield* Effect.sleep("1 millis")
          sockets.openUnsafe()
        }),
    }
  }

  scenario("does not turn a suspicion into a failure while its refutation waits in the socket", ({ node }, network) =>
    Effect.gen(function* () {
      const stalled = stallable(network)
      const a = yield* stalled.node("a")
      const b = yield* node("b", { seeds: [a.address] })
      const c = yield* node("c", { seeds: [a.address] })
      yield* World.untilPeers(a, ["b", "c"])
      yield* World.untilPeers(b, ["a", "c"])
      yield* World.untilPeers(c, ["a", "b"])
      const events = yield* World.collect(a)
      yield* network.partition(["a", "c"], ["b"])
      yield* World.untilEvent(a, (event) => event._tag === "Suspected" && event.peer.name === "b")
      yield* stalled.stall(
        Effect.gen(function* () {
          yield* Effect.sleep("50 millis")
          yield* network.heal
          yield* Effect.sleep("20 seconds")
        }),
      )
      yield* World.untilPeers(a, ["b", "c"])
      assert.deepStrictEqual(
        events.filter(({ _tag }) => _tag === "Failed"),
        [],
      )
    }),
  )

  scenario("does not end the link to a peer that sent heartbeats during the stall", ({ node }, network) =>
    Effect.gen(function* () {
      const stalled = stallable(network)
      const a = yield* stalled.node("a")
      const b = yield* node("b", { seeds: [a.address] }, FailureDetector.layerLan)
      yield* World.untilPeers(a, ["b"])
      yield* World.untilPeers(b, ["a"])
      const events = yield* World.collect(a)
      yield* stalled.stall(Effect.sleep("2 seconds"))
      yield* Effect.sleep("1 seconds")
      assert.deepStrictEqual(
        events.filter(({ _tag }) => _tag !== "Snapshot"),
        [],
      )
    }),
  )
})

import * as SimNetwork from "@coterie/testkit/SimNetwork"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { address, linked, nodeAt, reasonOf, start, text, timed, utf8 } from "./talk.ts"

describe("SimTransport", () => {
  it.effect("opens or refuses a connection after one round trip", () =>
    Effect.gen(function* () {
      const network = yield* SimNetwork.make({ latency: "30 millis" })
      const a = yield* nodeAt(network, "a")
      const b = yield* nodeAt(network, "b")
      const listener = yield* b.listen
      const dialing = yield* start(timed(a.connect(listener.addresses[0])))
      const refused = yield* start(timed(reasonOf(a.connect(yield* address("nobody:1")))))
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(dialing))[1], 60)
      assert.deepStrictEqual(yield* Fiber.join(refused), ["refused", 60])
    }),
  )

  it.effect("drops a dial that was interrupted in a partition", () =>
    Effect.gen(function* () {
      const network = yield* SimNetwork.make({ latency: 10 })
      const { a, listener } = yield* linked(network)
      yield* network.partition(["a"], ["b"])
      const dialing = yield* start(a.connect(listener.addresses[0]))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* network.inspect).connections.length, 2)
      yield* Fiber.interrupt(dialing)
      assert.strictEqual((yield* network.inspect).connections.length, 1)
    }),
  )

  it.effect("cuts off a crashed node until its transport is built again", () =>
    Effect.gen(function* () {
      const network = yield* SimNetwork.make()
      const { a, b, listener } = yield* linked(network)
      const aListener = yield* a.listen
      yield* network.crash("b")
      assert.strictEqual(yield* reasonOf(b.connect(aListener.addresses[0])), "unreachable")
      assert.strictEqual(yield* reasonOf(b.listen), "listen")
      const reborn = yield* nodeAt(network, "b")
      assert.strictEqual((yield* reborn.listen).addresses[0], listener.addresses[0])
      yield* reborn.connect(aListener.addresses[0])
      yield* a.connect(listener.addresses[0])
    }),
  )

  it.effect("fails a waiting write when its connection is closed, and sends the bytes", () =>
    Effect.gen(function* () {
      const network = yield* SimNetwork.make({ latency: 10 })
      const { acceptor, close, dialer } = yield* linked(network)
      const writing = yield* start(reasonOf(dialer.write([new Uint8Array(100_000)])))
      yield* close
      assert.strictEqual(yield* Fiber.join(writing), "closed")
      const reading = yield* start(Effect.forever(acceptor.pull))
      yield* TestClock.adjust("1 second")
      assert.isTrue(Exit.isFailure(yield* Fiber.await(reading)))
      assert.strictEqual(yield* network.bytes("a", "b"), 100_000)
    }),
  )

  it.effect("leaves no fiber and no connection after all is closed", () =>
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      let sleeping = 0
      const network = yield* Effect.provideService(SimNetwork.make({ latency: 10 }), Clock.Clock, {
        ...clock,
        sleep: (duration) =>
          Effect.suspend(() => {
            sleeping++
            return Effect.ensuring(
              clock.sleep(duration),
              Effect.sync(() => sleeping--),
            )
          }),
      })
      const { a, close, listener, release } = yield* linked(network)
      assert.deepStrictEqual((yield* network.inspect).connections, [
        { from: "a", to: yield* address("b:24868"), state: "open", held: 0 },
      ])
      yield* close
      yield* release
      assert.strictEqual((yield* network.inspect).connections[0]?.state, "closing")
      assert.strictEqual(sleeping, 1)
      yield* TestClock.adjust(10)
      assert.deepStrictEqual((yield* network.inspect).connections, [])
      assert.strictEqual(sleeping, 0)
      const dialing = yield* start(a.connect(listener.addresses[0]))
      assert.strictEqual(sleeping, 1)
      yield* Fiber.interrupt(dialing)
      assert.strictEqual(sleeping, 0)
    }),
  )

  it.effect("gives the receiver a copy of the bytes", () =>
    Effect.gen(function* () {
      const network = yield* SimNetwork.make()
      const { acceptor, dialer } = yield* linked(network)
      const sent = utf8.encode("mine")
      yield* dialer.write([sent])
      const [received] = yield* acceptor.pull
      received.fill(0)
      assert.strictEqual(text.decode(sent), "mine")
    }),
  )
})

import type * as Transport from "@coterie/core/Transport"
import * as SimNetwork from "@coterie/testkit/SimNetwork"
import * as TransportContract from "@coterie/testkit/TransportContract"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { address, hear, linked, nodeAt, reasonOf, say, settle, start, timed } from "./network/talk.ts"

const secret = { _tag: "Secret", key: "Zk9qW2mB1xYt" } as const

const harness = (options: SimNetwork.Options, identity?: Transport.Identity) =>
  Effect.gen(function* () {
    const network = yield* SimNetwork.make(options)
    return {
      transport: (port: number) => network.transport("a", { port, identity }),
      withdraw: network.withdraw("a", { within: 0 }),
      silentPeer: Effect.gen(function* () {
        const node = yield* nodeAt(network, "silent")
        const {
          addresses: [address],
        } = yield* Effect.orDie(node.listen)
        return { address, reset: network.crash("silent") }
      }),
      open: Effect.map(network.inspect, ({ connections, listeners }) => connections.length + listeners.length),
    }
  })

TransportContract.suite({ name: "SimNetwork", live: false, harness: harness({}) })
TransportContract.suite({ name: "SimNetwork with a small buffer", live: false, harness: harness({ sendBuffer: 5000 }) })
TransportContract.suite({
  name: "SimNetwork that splits, with proofs",
  live: false,
  proves: "Secret",
  harness: harness({ split: true }, secret),
})
TransportContract.suite({
  name: "SimNetwork with latency",
  live: true,
  harness: harness({ latency: { min: 0, max: 1 }, split: true, sendBuffer: 4 * 1024 * 1024 }),
})

describe("SimNetwork", () => {
  it.effect("applies the latency in each direction", () =>
    Effect.gen(function* () {
      const network = yield* SimNetwork.make({ latency: "30 millis" })
      const { acceptor, dialer } = yield* linked(network)
      const hearing = yield* start(timed(hear(acceptor)))
      yield* say(dialer, "hello")
      yield* TestClock.adjust(29)
      assert.isUndefined(hearing.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(yield* Fiber.join(hearing), ["hello", 30])
    }),
  )

  it.effect("carries as many bytes per second as the bandwidth", () =>
    Effect.gen(function* () {
      const network = yield* SimNetwork.make({ bandwidth: 100 })
      const { acceptor, dialer } = yield* linked(network)
      const hearing = yield* start(timed(hear(acceptor)))
      yield* say(dialer, "hello")
      yield* TestClock.adjust(49)
      assert.isUndefined(hearing.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(yield* Fiber.join(hearing), ["hello", 50])
    }),
  )

  it.effect("can have a different latency in each direction, and change it", () =>
    Effect.gen(function* () {
      const network = yield* SimNetwork.make({ latency: (from) => (from === "a" ? "10 millis" : "1 second") })
      const { acceptor, dialer } = yield* linked(network, TestClock.adjust("5 seconds"))
      const there = yield* start(timed(hear(acceptor)))
      const back = yield* start(timed(hear(dialer)))
      yield* say(dialer, "there")
      yield* say(acceptor, "back")
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(there), ["there", 10])
      assert.deepStrictEqual(yield* Fiber.join(back), ["back", 1000])
      yield* network.setLatency(5)
      const faster = yield* start(timed(hear(dialer)))
      yield* say(acceptor, "faster")
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(faster), ["faster", 5])
    }),
  )

  it.effect("draws the latency between two bounds, and keeps the order", () =>
    Effect.gen(function* () {
      const network = yield* SimNetwork.make({ latency: { min: 10, max: 20 } })
      const { acceptor, dialer } = yield* linked(network)
      const arrivals: Array<readonly [string, number]> = []
      yield* start(Effect.forever(Effect.map(timed(hear(acceptor)), (arrival) => arrivals.push(arrival))))
      for (let i = 0; i < 20; i++) yield* say(dialer, `${i} `)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(
        arrivals.map(([words]) => words).join(""),
        "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 ",
      )
      const last = arrivals.reduce((sum, [, time]) => sum + time, 0)
      assert.isAtLeast(last, 10)
      assert.isAtMost(last, 20)
      assert.isAbove(arrivals.length, 1)
    }).pipe(Random.withSeed("bounds")),
  )

  it.effect("repeats the same run with the same seed", () =>
    Effect.gen(function* () {
      const trace = (seed: string) =>
        Effect.gen(function* () {
          const network = yield* SimNetwork.make({ latency: { min: 1, max: 50 }, split: true })
          const { acceptor, close, dialer } = yield* linked(network)
          const began = yield* Clock.currentTimeMillis
          const events: Array<string> = []
          const listening = yield* start(
            Effect.forever(
              Effect.flatMap(acceptor.pull, (batch) =>
                Effect.map(Clock.currentTimeMillis, (now) =>
                  events.push(`${Math.round((now - began) * 1000)}: ${batch.map((chunk) => chunk.length).join("+")}`),
                ),
              ),
            ),
          )
          yield* dialer.write([new Uint8Array(30_000), new Uint8Array(20_000)])
          yield* close
          yield* TestClock.adjust("1 minute")
          assert.isTrue(Exit.isFailure(yield* Fiber.await(listening)))
          return events
        }).pipe(Effect.scoped, Random.withSeed(seed))
      const first = yield* trace("one")
      assert.isAbove(first.length, 3)
      assert.deepStrictEqual(yield* trace("one"), first)
      assert.notDeepEqual(yield* trace("two"), first)
    }),
  )

  it.effect("holds bytes in a partition and delivers all of them after it has healed", () =>
    Effect.gen(function* () {
      const network = yield* SimNetwork.make({ latency: 10 })
      const { acceptor, dialer } = yield* linked(network)
      yield* say(dialer, "under way, ")
      yield* TestClock.adjust(5)
      yield* network.partition(["a"], ["b", "c"])
      yield* say(dialer, "written, ")
      yield* say(acceptor, "back")
      yield* TestClock.adjust("1 hour")
      const [there, back] = yield* Effect.all([start(hear(acceptor)), start(hear(dialer))])
      yield* settle
      assert.isUndefined(there.pollUnsafe())
      assert.isUndefined(back.pollUnsafe())
      assert.strictEqual(yield* network.connections("a", "b"), 1)
      yield* network.heal
      yield* say(dialer, "and new")
      yield* TestClock.adjust(10)
      assert.strictEqual(yield* Fiber.join(back), "back")
      let heard = yield* Fiber.join(there)
      while (!heard.endsWith("new")) heard += yield* hear(acceptor)
      assert.strictEqual(heard, "under way, written, and new")
    }),
  )

  it.effect("accepts a full buffer and no more in a partition", () =>
    Effect.gen(function* () {
      const network = yield* SimNetwork.make({ latency: 1 })
      const { acceptor, dialer } = yield* linked(network)
      yield* network.partition(["b"], ["a"])
      let written = 0
      const writing = yield* start(
        Effect.gen(function* () {
          for (;;) {
            yield* dialer.write([new Uint8Array(1000)])
            written += 1000
          }
        }),
      )
      yield* TestClock.adjust("1 minute")
      // The 66th does not fit.
      assert.strictEqual(written, 65_000)
      yield* Fiber.interrupt(writing)
      yield* dialer.end
      yield* network.heal
      let read = 0
      const reading = yield* start(
        Effect.forever(Effect.map(acceptor.pull, (batch) => batch.forEach((chunk) => (read += chunk.length)))),
      )
      yield* TestClock.adjust("1 second")
      yield* Fiber.await(reading)
      // The interrupted write had been handed over.
      assert.strictEqual(read, written + 1000)
    }),
  )

  it.effect("can block one direction only", () =>
    Effect.gen(function* () {
      const network = yield* SimNetwork.make({ latency: 10 })
      const { acceptor, dialer } = yield* linked(network)
      yield* network.partitionOneWay(["a"], ["b"])
      yield* say(dialer, "held")
      yield* say(acceptor, "passes")
      const there = yield* start(hear(acceptor))
      const back = yield* start(hear(dialer))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* Fiber.join(back), "passes")
      assert.isUndefined(there.pollUnsafe())
    }),
  )

  it.effect("makes a dial into a partition wait until the partition heals", () =>
    Effect.gen(function* () {
      const network = yield* SimNetwork.make({ latency: 10 })
      const { a, listener } = yield* linked(network)
      yield* network.partition(["a"], ["b"])
      const dialing = yield* start(a.connect(listener.addresses[0]))
      yield* TestClock.adjust("1 hour")
      assert.isUndefined(dialing.pollUnsafe())
      yield* network.heal
      yield* TestClock.adjust(20)
      assert.strictEqual((yield* Fiber.join(dialing)).remoteHost, "b")
    }),
  )

  it.effect("fails a dial as unreachable after the connect timeout", () =>
    Effect.gen(function* () {
      const network = yield* SimNetwork.make({ connectTimeout: "3 seconds" })
      const { a, listener } = yield* linked(network)
      yield* network.partition(["a"], ["b"])
      const dialing = yield* start(timed(reasonOf(a.connect(listener.addresses[0]))))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* Fiber.join(dialing), ["unreachable", 3000])
      assert.strictEqual((yield* network.inspect).connections.length, 1)
    }),
  )

  it.effect("cuts only the connections between two hosts", () =>
    Effect.gen(function* () {
      const network = yield* SimNetwork.make({ latency: 10 })
      const { a, acceptor, dialer, listener } = yield* linked(network)
      const c = yield* nodeAt(network, "c")
      const other = yield* start(c.connect(listener.addresses[0]))
      const again = yield* start(a.connect(listener.addresses[0]))
      yield* TestClock.adjust(20)
      yield* say(dialer, "lost")
      const pulling = yield* start(hear(acceptor))
      yield* network.cut("B", "A")
      assert.strictEqual(yield* Fiber.join(pulling), "closed")
      assert.strictEqual(yield* hear(dialer), "closed")
      assert.strictEqual(yield* reasonOf(say(dialer, "more")), "closed")
      assert.strictEqual(yield* hear(yield* Fiber.join(again)), "closed")
      assert.strictEqual(yield* network.connections("b", "a"), 0)
      assert.strictEqual(yield* network.connections("b", "c"), 1)
      yield* say(yield* Fiber.join(other), "still there")
      const redial = yield* start(a.connect(listener.addresses[0]))
      yield* TestClock.adjust(20)
      yield* Fiber.join(redial)
    }),
  )

  it.effect("resets the peers of a crashed host, after the bytes that it had sent", () =>
    Effect.gen(function* () {
      const network = yield* SimNetwork.make({ latency: 10 })
      const { a, acceptor, dialer, listener } = yield* linked(network)
      yield* say(acceptor, "last words")
      yield* network.crash("b")
      assert.strictEqual(yield* hear(acceptor), "closed")
      assert.strictEqual(yield* reasonOf(say(acceptor, "from beyond")), "closed")
      assert.deepStrictEqual((yield* network.inspect).listeners, [])
      const heard = yield* start(Effect.all([hear(dialer), hear(dialer)]))
      const dialing = yield* start(reasonOf(a.connect(listener.addresses[0])))
      yield* TestClock.adjust(20)
      assert.deepStrictEqual(yield* Fiber.join(heard), ["last words", "closed"])
      assert.strictEqual(yield* Fiber.join(dialing), "refused")
      assert.deepStrictEqual((yield* network.inspect).connections, [])
    }),
  )

  it.effect("makes a silently crashed host a black hole until it returns", () =>
    Effect.gen(function* () {
      const network = yield* SimNetwork.make({ latency: 10 })
      const { a, acceptor, dialer, listener } = yield* linked(network)
      yield* say(acceptor, "never sent")
      yield* network.crash("b", { silent: true })
      yield* say(dialer, "hello?")
      const pulling = yield* start(hear(dialer))
      const dialing = yield* start(reasonOf(a.connect(listener.addresses[0])))
      yield* TestClock.adjust("1 hour")
      assert.isUndefined(pulling.pollUnsafe())
      assert.isUndefined(dialing.pollUnsafe())
      yield* nodeAt(network, "b")
      yield* TestClock.adjust(20)
      assert.strictEqual(yield* Fiber.join(pulling), "closed")
      assert.strictEqual(yield* Fiber.join(dialing), "refused")
      assert.deepStrictEqual((yield* network.inspect).connections, [])
    }),
  )

  it.effect("drops the dials of a host that crashes silently", () =>
    Effect.gen(function* () {
      const network = yield* SimNetwork.make({ latency: 10 })
      const { a, listener } = yield* linked(network)
      const dialing = yield* start(reasonOf(a.connect(listener.addresses[0])))
      yield* network.crash("a", { silent: true })
      assert.strictEqual(yield* Fiber.join(dialing), "closed")
      yield* network.crash("b", { silent: true })
      assert.deepStrictEqual(yield* network.inspect, { connections: [], listeners: [] })
    }),
  )

  it.effect("resets a closed connection whose last bytes cannot be sent within the linger time", () =>
    Effect.gen(function* () {
      const network = yield* SimNetwork.make({ latency: 10, linger: "3 seconds" })
      const { acceptor, close, dialer } = yield* linked(network)
      const writing = yield* start(dialer.write([new Uint8Array(100_000)]))
      yield* TestClock.adjust(100)
      yield* Fiber.interrupt(writing)
      yield* close
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* network.inspect).connections.length, 1)
      yield* TestClock.adjust("2 seconds")
      // A clean end would be wrong, because bytes are missing.
      assert.strictEqual(yield* hear(acceptor), "closed")
      assert.deepStrictEqual((yield* network.inspect).connections, [])
    }),
  )

  it.effect("does not reset a closed connection whose peer has all bytes and stays open", () =>
    Effect.gen(function* () {
      const network = yield* SimNetwork.make({ latency: 10, linger: "3 seconds" })
      const { acceptor, close, dialer, release } = yield* linked(network)
      yield* say(dialer, "bye")
      yield* close
      // Bytes written to a closed end are dropped.
      const writing = yield* start(Effect.forEach([1, 2, 3, 4], () => acceptor.write([new Uint8Array(50_000)])))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(writing)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(
        [yield* hear(acceptor), yield* hear(acceptor), yield* hear(acceptor)],
        ["bye", "done", "done"],
      )
      // After the linger time the end is gone, and a write fails.
      yield* say(acceptor, "hello?")
      yield* TestClock.adjust(20)
      assert.strictEqual(yield* reasonOf(say(acceptor, "hello?")), "closed")
      yield* release
      assert.deepStrictEqual((yield* network.inspect).connections, [])
    }),
  )

  it.effect("delivers bytes sent at one instant in the order of sending", () =>
    Effect.gen(function* () {
      const network = yield* SimNetwork.make({ latency: 10 })
      const a = yield* nodeAt(network, "a")
      const listener = yield* a.listen
      const order: Array<string> = []
      yield* start(listener.run((connection) => Effect.map(hear(connection), (heard) => void order.push(heard))))
      const dialing = yield* start(Effect.forEach([1, 2, 3, 4, 5], () => a.connect(listener.addresses[0])))
      yield* TestClock.adjust("1 second")
      const connections = yield* Fiber.join(dialing)
      for (const [i, connection] of connections.entries()) yield* say(connection, String(i))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(order, ["0", "1", "2", "3", "4"])
    }),
  )

  it.effect("counts held and delivered bytes", () =>
    Effect.gen(function* () {
      const network = yield* SimNetwork.make({ latency: 10 })
      const { acceptor, dialer } = yield* linked(network)
      const held = Effect.map(network.inspect, ({ connections }) => connections[0]?.held)
      const writing = yield* start(dialer.write([new Uint8Array(100_000)]))
      assert.strictEqual(yield* held, 100_000)
      assert.strictEqual(yield* network.bytes("a", "b"), 0)
      yield* TestClock.adjust(10)
      assert.strictEqual(yield* held, 100_000)
      assert.strictEqual(yield* network.bytes("a", "b"), 65_536)
      yield* acceptor.pull
      yield* TestClock.adjust(10)
      yield* acceptor.pull
      yield* Fiber.join(writing)
      assert.strictEqual(yield* held, 0)
      assert.strictEqual(yield* network.bytes("a", "b"), 100_000)
      assert.strictEqual(yield* network.bytes("b", "a"), 0)
    }),
  )

  it.effect("normalizes host names as addresses do", () =>
    Effect.gen(function* () {
      const network = yield* SimNetwork.make()
      const v6 = yield* nodeAt(network, "[FD00::1]", 80)
      const listener = yield* v6.listen
      assert.strictEqual(listener.addresses[0], yield* address("[fd00::1]:80"))
      const a = yield* nodeAt(network, "10.0.0.1")
      const connection = yield* a.connect(listener.addresses[0])
      assert.strictEqual(connection.remoteHost, "fd00::1")
      assert.strictEqual(yield* network.connections("fd00::1", "10.0.0.1"), 1)
      const nowhere = yield* nodeAt(network, "not a host")
      assert.strictEqual(yield* reasonOf(nowhere.listen), "listen")
    }),
  )

  it.effect("ends all connections when its scope closes", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const network = yield* Scope.provide(SimNetwork.make({ latency: 10 }), scope)
      const { a, acceptor, dialer, listener } = yield* linked(network)
      const pulling = yield* start(hear(acceptor))
      yield* say(dialer, "too late")
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* Fiber.join(pulling), "closed")
      assert.strictEqual(yield* reasonOf(a.connect(listener.addresses[0])), "unreachable")
    }),
  )

  it.effect("gives each end the identity of the other, and keeps it", () =>
    Effect.gen(function* () {
      const network = yield* SimNetwork.make()
      const a = yield* nodeAt(network, "a", { identity: secret })
      const listener = yield* (yield* nodeAt(network, "b")).listen
      const accepted: Array<Transport.Connection> = []
      yield* start(
        listener.run((connection) =>
          Effect.andThen(
            Effect.sync(() => accepted.push(connection)),
            Effect.never,
          ),
        ),
      )
      const first = yield* a.connect(listener.addresses[0])
      yield* network.prove("a", undefined)
      yield* network.prove("b", secret)
      const second = yield* a.connect(listener.addresses[0])
      yield* settle
      assert.deepStrictEqual(
        [first, second, ...accepted].map(({ identity }) => identity?._tag),
        [undefined, "Secret", "Secret", undefined],
      )
    }),
  )

  it.effect("asks for another connection at the node that withdraws, and resets the connection after the time", () =>
    Effect.gen(function* () {
      const network = yield* SimNetwork.make({ latency: 10 })
      const { acceptor, dialer } = yield* linked(network, TestClock.adjust("1 second"), secret)
      const there = yield* start(acceptor.renewal ?? Effect.void)
      const here = yield* start(dialer.renewal ?? Effect.void)
      yield* network.withdraw("a", { peer: "elsewhere" })
      yield* network.withdraw("b", { within: Duration.infinity })
      yield* TestClock.adjust("1 day")
      assert.isDefined(there.pollUnsafe())
      assert.isUndefined(here.pollUnsafe())
      const pulling = yield* start(timed(hear(acceptor)))
      yield* network.withdraw("a")
      yield* TestClock.adjust("1 minute")
      assert.isDefined(here.pollUnsafe())
      assert.deepStrictEqual(yield* Fiber.join(pulling), ["closed", 30_010])
      assert.strictEqual(yield* hear(dialer), "closed")
    }),
  )

  it.effect("leaves connections without proofs alone", () =>
    Effect.gen(function* () {
      const network = yield* SimNetwork.make()
      const { acceptor, dialer } = yield* linked(network)
      assert.isUndefined(dialer.renewal)
      yield* network.withdraw("a", { within: 0 })
      yield* TestClock.adjust("1 minute")
      yield* say(dialer, "hello")
      assert.strictEqual(yield* hear(acceptor), "hello")
    }),
  )

  it.effect("can be a layer", () =>
    Effect.gen(function* () {
      const network = yield* SimNetwork.SimNetwork
      const { acceptor, dialer } = yield* linked(network)
      yield* say(dialer, "hello")
      assert.strictEqual(yield* hear(acceptor), "hello")
    }).pipe(Effect.provide(SimNetwork.layer())),
  )
})

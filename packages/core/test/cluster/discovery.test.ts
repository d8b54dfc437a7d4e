/** The use of the addresses that a discovery finds. */
import * as Discovery from "@coterie/core/Discovery"
import * as FailureDetector from "@coterie/core/FailureDetector"
import { assert, describe } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as World from "./world.ts"

const scenario = World.simulated

/** Makes the policies of a node with this discovery, and a list that collects the log lines about it. */
const policies = (discovery: Layer.Layer<never>) => {
  const lines: Array<string> = []
  const logger = Logger.make(({ message }) => {
    const line = String(message)
    if (line.startsWith("discovery:")) lines.push(line)
  })
  const layer = Layer.merge(FailureDetector.layerLocal, discovery)
  return { lines, layer: Layer.provideMerge(layer, Logger.layer([logger])) }
}

/** Makes a discovery that finds the addresses that the test provides. */
const makeDiscovery = Effect.gen(function* () {
  const sets = yield* Queue.unbounded<ReadonlyArray<string>>()
  return {
    find: (...addresses: ReadonlyArray<string>) => Queue.offer(sets, addresses),
    layer: Discovery.layer(Stream.fromQueue(sets)),
  }
})

/** Enough virtual time to dial every address. */
const aWhile = Effect.sleep("5 minutes")

const bad = (text: string) =>
  `discovery: "${text}" is not an address: the host must be a DNS name, an IPv4 address, or an IPv6 address in [brackets]`

describe("discovery", () => {
  scenario("a newer set replaces the set before, and never the seeds of the options", ({ node }) =>
    Effect.gen(function* () {
      const discovery = yield* makeDiscovery
      const a = yield* node("a", { seeds: ["seed:1", "both:1"] }, policies(discovery.layer).layer)
      const dialed = Effect.gen(function* () {
        yield* aWhile
        const before = a.dialed.length
        yield* aWhile
        return [...new Set(a.dialed.slice(before))].sort()
      })
      yield* discovery.find("both:1", "old:1")
      assert.deepStrictEqual(yield* dialed, ["both:1", "old:1", "seed:1"])
      yield* discovery.find("new:1")
      assert.deepStrictEqual(yield* dialed, ["both:1", "new:1", "seed:1"])
      yield* discovery.find()
      assert.deepStrictEqual(yield* dialed, ["both:1", "seed:1"])
    }),
  )

  scenario("failed polls keep the addresses that were found before", ({ node }) =>
    Effect.gen(function* () {
      const failing = yield* Deferred.make<void>()
      let runs = 0
      const find = Effect.suspend(() =>
        runs++ === 0
          ? Effect.succeed(["b"])
          : Effect.andThen(Deferred.succeed(failing, undefined), Effect.fail("no answer")),
      )
      const { layer, lines } = policies(Discovery.layerPoll(find, Schedule.spaced("10 seconds")))
      const a = yield* node("a", {}, layer)
      yield* Deferred.await(failing)
      yield* aWhile
      yield* node("b")
      yield* World.untilPeers(a, ["b"])
      assert.deepStrictEqual(lines, ["discovery: no answer; the addresses found before stay in use"])
    }),
  )

  scenario(
    "a source is polled within intervalAlone while the node is alone, and on its schedule otherwise",
    ({ node }) =>
      Effect.gen(function* () {
        const clock = yield* Clock.Clock
        const start = clock.currentTimeMillisUnsafe()
        const seconds = () => Math.floor((clock.currentTimeMillisUnsafe() - start) / 1_000)
        const polls: Array<number> = []
        const find = Effect.sync(() => {
          polls.push(seconds())
          return []
        })
        const discovery = Discovery.layerPoll(find, Schedule.spaced("40 seconds"), { intervalAlone: "5 seconds" })
        const a = yield* node("a", {}, policies(discovery).layer)
        yield* Effect.sleep("16 seconds")
        assert.deepStrictEqual(polls, [0, 5, 10, 15])

        const b = yield* node("b", { seeds: [a.address] })
        yield* World.untilPeers(a, ["b"])
        yield* Effect.sleep("100 seconds")
        assert.deepStrictEqual(polls.slice(4), [55, 95])

        yield* b.stop
        yield* World.until(a, ({ peers }) => peers.size === 0)
        const alone = seconds()
        yield* Effect.sleep("6 seconds")
        assert.isAtMost((polls[6] ?? Number.POSITIVE_INFINITY) - alone, 5)
      }),
  )

  scenario("an address that does not parse is logged once, and again only after a set without it", ({ node }) =>
    Effect.gen(function* () {
      const discovery = yield* makeDiscovery
      const { layer, lines } = policies(discovery.layer)
      yield* node("a", {}, layer)
      yield* discovery.find("no where", "b:1")
      yield* discovery.find("b:1", "no where")
      yield* discovery.find("no where", "nei ther")
      yield* aWhile
      assert.deepStrictEqual(lines, [bad("no where"), bad("nei ther")])
      yield* discovery.find()
      yield* discovery.find("no where")
      yield* aWhile
      assert.deepStrictEqual(lines, [bad("no where"), bad("nei ther"), bad("no where")])
    }),
  )

  scenario("of a set beyond limits.discovered only the first addresses are dialed, with a log line", ({ node }) =>
    Effect.gen(function* () {
      const discovery = yield* makeDiscovery
      const { layer, lines } = policies(discovery.layer)
      const a = yield* node("a", { limits: { discovered: 2 } }, layer)
      yield* discovery.find("b:1", "c:1", "d:1")
      yield* discovery.find("b:1", "c:1", "e:1")
      yield* aWhile
      assert.deepStrictEqual([...new Set(a.dialed)].sort(), ["b:1", "c:1"])
      assert.deepStrictEqual(lines, ["discovery: found 3 addresses and uses only the first 2 (limits.discovered)"])
      yield* discovery.find("b:1", "c:1")
      yield* aWhile
      assert.strictEqual(lines.length, 1)
    }),
  )

  scenario("an address that a newer set omits is not dialed any more", ({ node }) =>
    Effect.gen(function* () {
      const sets = Stream.concat(
        Stream.make(["gone:1", "stays:1"]),
        Stream.fromEffect(Effect.as(Effect.sleep("10 seconds"), ["stays:1"])),
      )
      const a = yield* node("a", {}, Layer.merge(FailureDetector.layerLocal, Discovery.layer(sets)))
      yield* Effect.sleep("11 seconds")
      const dialsOf = (address: string) => a.dialed.filter((each) => each === address).length
      const [gone, stays] = [dialsOf("gone:1"), dialsOf("stays:1")]
      yield* Effect.sleep("30 seconds")
      assert.isAbove(gone, 0)
      assert.strictEqual(dialsOf("gone:1"), gone)
      assert.isAbove(dialsOf("stays:1"), stays)
    }),
  )
})

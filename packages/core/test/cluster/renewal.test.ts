/**
 * Renewal of links: the transport asks for another connection, which takes over without a lost message and without an
 * event (docs/protocol.md, section "Simultaneous connections").
 */
import type * as Transport from "@coterie/core/Transport"
import * as SimNetwork from "@coterie/testkit/SimNetwork"
import { assert, describe } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { renewalMillis } from "../../src/peering/LinkRenewer.ts"
import * as World from "./world.ts"

const secret = (key: string): Transport.Identity => ({ _tag: "Secret", key })

/** Starts `a`, and `b` which dials `a`. Both prove a secret. */
const provedPair = (network: SimNetwork.Shape) => World.pair(World.sim(network, () => secret("k1")))

const tags = (events: ReadonlyArray<{ readonly _tag: string }>) => events.map(({ _tag }) => _tag)

/** Sends a number every 10 milliseconds in the background. `sent` returns how many sends were accepted. */
const talk = (from: World.Node, to: string) =>
  Effect.gen(function* () {
    let sent = 0
    let isTalking = true
    const fiber = yield* Effect.forkScoped(
      Effect.gen(function* () {
        while (isTalking) {
          yield* from.cluster.send(to, String(sent))
          sent++
          yield* Effect.sleep("10 millis")
        }
      }),
    )
    /** Stops, and fails if a send failed. */
    const stop = Effect.suspend(() => {
      isTalking = false
      return Effect.as(Fiber.join(fiber), sent)
    })
    return stop
  })

/** Collects the numbers that a node receives, and counts the sessions that end. */
const listen = (node: World.Node) =>
  Effect.gen(function* () {
    const received: Array<number> = []
    let ended = 0
    const lane = yield* node.cluster.lane("any")
    yield* Effect.forkScoped(
      Stream.runForEach(node.cluster.inbox, ({ text }) => Effect.sync(() => received.push(Number(text)))),
    )
    yield* Effect.forkScoped(
      Stream.runForEach(lane.read(), ({ _tag }) =>
        Effect.sync(() => {
          if (_tag === "SessionEnded") ended++
        }),
      ),
    )
    return { received, ended: () => ended }
  })

describe("the renewal of a link", () => {
  World.simulated(
    "under load loses, repeats and reorders no message, and emits nothing",
    (_, network) =>
      Effect.gen(function* () {
        const { a, b } = yield* provedPair(network)
        const events = [yield* World.collect(a), yield* World.collect(b)]
        const heard = [yield* listen(a), yield* listen(b)] as const
        const stops = [yield* talk(b, "a"), yield* talk(a, "b")] as const
        const dialed = a.dialed.length + b.dialed.length
        const renewals = 4
        for (let i = 0; i < renewals; i++) {
          const host = ["a", "b"][i % 2] ?? ""
          yield* network.withdraw(host)
          yield* World.eventually(() => a.dialed.length + b.dialed.length > dialed + i)
          yield* Effect.sleep("2 seconds")
        }
        // Longer than the last connection could have lived.
        yield* Effect.sleep(SimNetwork.defaultWithdrawal)
        assert.strictEqual(a.dialed.length + b.dialed.length, dialed + renewals)
        for (const [i, stop] of stops.entries()) {
          const sent = yield* stop
          yield* Effect.sleep("1 second")
          assert.deepStrictEqual(
            heard[i]?.received,
            Array.from({ length: sent }, (_, n) => n),
          )
          assert.isAbove(sent, 2_000)
        }
        assert.deepStrictEqual(events.map(tags), [["Snapshot"], ["Snapshot"]])
        assert.deepStrictEqual(
          heard.map(({ ended }) => ended()),
          [0, 0],
        )
        assert.strictEqual(yield* network.connections("a", "b"), 1)
      }),
    { latency: { min: "1 millis", max: "40 millis" }, split: true },
  )

  World.simulated(
    "is begun by the side that dialed, and by the other side only if that does not succeed",
    (_, network) =>
      Effect.gen(function* () {
        const { a, b } = yield* provedPair(network)
        const [fromA, fromB] = [a.dialed.length, b.dialed.length]
        yield* network.withdraw("a", { within: Duration.infinity })
        yield* network.withdraw("b", { within: Duration.infinity })
        yield* Effect.sleep("1 minute")
        assert.deepStrictEqual([a.dialed.length - fromA, b.dialed.length - fromB], [0, 1])
        // Only the side that accepted the link knows of the withdrawal.
        yield* network.withdraw("a", { within: Duration.infinity })
        yield* Effect.sleep(`${renewalMillis / 2 - 1} millis`)
        assert.strictEqual(a.dialed.length - fromA, 0)
        yield* Effect.sleep(`${renewalMillis / 2 + 1_000} millis`)
        assert.deepStrictEqual([a.dialed.length - fromA, b.dialed.length - fromB], [1, 1])
        assert.strictEqual(yield* network.connections("a", "b"), 1)
      }),
  )

  World.simulated("leaves the link in use while it fails, and is tried again until the link ends", (_, network) =>
    Effect.gen(function* () {
      const { a, b } = yield* provedPair(network)
      const events = yield* World.collect(a)
      const [fromA, fromB] = [a.dialed.length, b.dialed.length]
      // From now on `b` refuses a connection of `a`, because it proves less than the link.
      yield* network.prove("a", undefined)
      yield* network.withdraw("a")
      yield* Effect.sleep("29 seconds")
      const attempts = a.dialed.length - fromA
      assert.isAbove(attempts, 5)
      assert.strictEqual(b.dialed.length, fromB)
      assert.deepStrictEqual(tags(events), ["Snapshot"])
      yield* a.cluster.send("b", "still here")
      assert.strictEqual((yield* World.messages(b, 1))[0]?.text, "still here")
      yield* World.untilEvent(a, ({ _tag }) => _tag === "Unreachable")
      // No link stands in the way of the plain connection now.
      yield* World.untilPeers(a, ["b"])
    }),
  )
})

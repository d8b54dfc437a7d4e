import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import type { Rank } from "../../src/link/Link.ts"
import type { Link } from "../../src/link/Link.ts"
import * as LinkManager from "../../src/peering/LinkManager.ts"
import { makeConnection, settle } from "../link/support.ts"
import { addressOf } from "../membership/support.ts"
import { fakeLink, record } from "./fakeLink.ts"
import { makeContext } from "./linkContext.ts"

const rank: Rank = { instance: 0, instances: [0, 0], epoch: 1, byLower: true }

/** Creates the links of a node whose dials connect to a peer that sends nothing. */
const make = Effect.gen(function* () {
  const { connections, context, outcomes } = yield* makeContext({ dials: 1 })
  const silent = yield* makeConnection
  const links = yield* LinkManager.make({
    ...context,
    label: "test",
    outlivesNamesake: () => true,
    transport: { listen: Effect.die("nothing listens"), connect: () => Effect.succeed(silent.connection) },
    admission: () => Effect.succeed({ _tag: "Admit" }),
    entropy: { u32: () => 0 },
  })
  const closes: Array<string> = []
  /** Commits a connection with generation 7 of a peer. */
  const commit = (name = "peer") => connections.commit(record(7, name), rank)
  /** Brings up a committed connection. */
  const bringUp = (connection: ReturnType<typeof commit>): Link => {
    const { name } = connection.peer
    const link = fakeLink({
      peer: record(7, name),
      rank,
      session: () => connection.session,
      close: (code) => closes.push(`${name} ${code}`),
    })
    connections.comeUp(connection, link)
    connections.install(connection, link)
    return link
  }
  return { bringUp, closes, commit, context, links, outcomes }
})

describe("the links of a node", () => {
  it.effect("ping only the requested life of a peer", () =>
    Effect.gen(function* () {
      const { bringUp, commit, links } = yield* make
      const link = bringUp(commit())
      links.pingNow({ name: "peer", generation: 6 })
      links.pingNow({ name: "other", generation: 7 })
      assert.strictEqual(link.gauges().control, 0)
      links.pingNow({ name: "peer", generation: 7 })
      assert.strictEqual(link.gauges().control, 1)
    }),
  )

  it.effect("answer only the life of a peer that asked", () =>
    Effect.gen(function* () {
      const { bringUp, commit, links } = yield* make
      const link = bringUp(commit())
      const delta = { _tag: "SyncDelta", records: [], want: [] } as const
      links.answer({ name: "peer", generation: 6 }, delta)
      links.answer({ name: "other", generation: 7 }, delta)
      assert.strictEqual(link.gauges().control, 0)
      links.answer({ name: "peer", generation: 7 }, delta)
      assert.strictEqual(link.gauges().control, 1)
    }),
  )

  it.effect("close only the requested life of a peer", () =>
    Effect.gen(function* () {
      const { bringUp, closes, commit, links } = yield* make
      bringUp(commit())
      links.close({ name: "peer", generation: 6 }, "replaced")
      assert.deepStrictEqual(closes, [])
      links.close({ name: "peer", generation: 7 }, "replaced")
      assert.deepStrictEqual(closes, ["peer replaced"])
    }),
  )

  it.effect("that all close are awaited until they are done", () =>
    Effect.gen(function* () {
      const { bringUp, closes, commit, links } = yield* make
      const [first, second] = [commit("b"), commit("c")]
      bringUp(first)
      bringUp(second)
      const closing = yield* Effect.forkChild(links.closeAll("left"))
      yield* settle
      assert.deepStrictEqual(closes, ["b left", "c left"])
      Deferred.doneUnsafe(first.done, Effect.void)
      yield* settle
      assert.isUndefined(closing.pollUnsafe())
      Deferred.doneUnsafe(second.done, Effect.void)
      yield* settle
      assert.isDefined(closing.pollUnsafe())
    }),
  )

  it.effect("that all close are awaited for at most twice the linger", () =>
    Effect.gen(function* () {
      const { commit, context, links } = yield* make
      commit()
      const closing = yield* Effect.forkChild(links.closeAll("left"))
      yield* settle
      yield* TestClock.adjust(2 * context.limits.linger - 1)
      assert.isUndefined(closing.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.isDefined(closing.pollUnsafe())
    }),
  )

  it.effect("offer to wait for a pending connection, and for no other", () =>
    Effect.gen(function* () {
      const { bringUp, commit, links } = yield* make
      assert.isUndefined(links.takeover("peer"))
      const connection = commit()
      const waiting = links.takeover("peer") ?? assert.fail("expected a pending connection")
      const fiber = yield* Effect.forkChild(waiting)
      yield* settle
      assert.isUndefined(fiber.pollUnsafe())
      bringUp(connection)
      Deferred.doneUnsafe(connection.settled, Effect.void)
      yield* settle
      assert.isDefined(fiber.pollUnsafe())
      assert.isUndefined(links.takeover("peer"))
    }),
  )

  it.effect("count the dials, which wait for a permit, and report how each dial ended", () =>
    Effect.gen(function* () {
      const { context, links, outcomes } = yield* make
      const dials = yield* Effect.forkChild(
        Effect.all([Effect.flip(links.dial(addressOf("b"))), Effect.flip(links.dial(addressOf("c")))], {
          concurrency: 2,
        }),
      )
      yield* settle
      assert.deepStrictEqual(links.gauges(), { links: 0, handshakes: 0, dials: 1 })
      yield* TestClock.adjust(context.limits.handshakeTimeout)
      assert.deepStrictEqual(outcomes, ["out timeout"])
      yield* TestClock.adjust(context.limits.handshakeTimeout)
      assert.deepStrictEqual(outcomes, ["out timeout", "out timeout"])
      assert.isDefined(dials.pollUnsafe())
      assert.strictEqual(links.gauges().dials, 0)
    }),
  )
})

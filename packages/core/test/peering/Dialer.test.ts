import * as Discovery from "@coterie/core/Discovery"
import * as Transport from "@coterie/core/Transport"
import * as VirtualTime from "@coterie/testkit/VirtualTime"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import { defaults } from "../../src/cluster/Overrides.ts"
import { SharedNames } from "../../src/internal/SharedNames.ts"
import { reject } from "../../src/link/Handshake.ts"
import * as Member from "../../src/membership/Member.ts"
import type * as State from "../../src/membership/State.ts"
import * as Dialer from "../../src/peering/Dialer.ts"
import { LonelyPause } from "../../src/peering/LonelyPause.ts"
import { SeedAvailability } from "../../src/peering/SeedAvailability.ts"
import * as LinkManager from "../../src/peering/LinkManager.ts"
import type { RejectCode } from "../../src/protocol/Frame.ts"
import { makeConnection } from "../link/support.ts"
import { addressOf, recordOf } from "../membership/support.ts"
import { fakeLink } from "./fakeLink.ts"
import { makeContext } from "./linkContext.ts"
import { initial } from "./support.ts"

const b = recordOf("b")

/** Returns the state of node `a` with `b` as a member. */
const knowing = (member: Member.Member): State.State => ({
  ...initial,
  touched: new Set(["b"]),
  linked: SharedNames.of(...(Member.isLinked(member) ? [member.record.name] : [])),
  members: new Map([["b", member]]),
})

const refused = new Transport.TransportError({ reason: "refused", message: "nobody" })

/** Creates the dialer of a node in this state. Every dial is refused: by a peer with the code, or by the network. */
const make = Effect.fnUntraced(function* (state = initial, code?: RejectCode) {
  const { connections, context } = yield* makeContext({}, state)
  const { clock, loop } = context
  const times: Array<number> = []
  const start = clock.currentTimeMillisUnsafe()
  const connect = Effect.gen(function* () {
    times.push(clock.currentTimeMillisUnsafe() - start)
    if (code === undefined) return yield* refused
    const peer = yield* makeConnection
    peer.says(reject(code, "why", code === "busy" ? { retryAfter: 5_000 } : {}))
    return peer.connection
  })
  const links = yield* LinkManager.make({
    ...context,
    label: "test",
    outlivesNamesake: () => true,
    transport: { listen: Effect.die("nothing listens"), connect: () => connect },
    admission: () => Effect.succeed({ _tag: "Admit" }),
    entropy: { u32: () => 0 },
  })
  /** Brings up a link to `b`. */
  const bringUp = () => {
    const connection = connections.commit(b, { instance: 0, instances: [0, 0], epoch: 1, byLower: true })
    const link = fakeLink({ peer: b, rank: connection.rank, session: () => connection.session })
    connections.comeUp(connection, link)
    connections.install(connection, link)
    return link
  }
  const unavailable: Array<string> = []
  const dialer = yield* Dialer.make({
    loop,
    links,
    reconnect: Schedule.spaced("1 second"),
    discovery: Discovery.defaults,
    pause: new LonelyPause(loop, Discovery.defaults),
    healthy: 3_000,
    clock,
    onTried: () => {},
    log: context.log,
    makeLinkRenewer: defaults.makeLinkRenewer,
    availability: new SeedAvailability({
      log: { write: () => Effect.void },
      onUnavailable: (address, { message }) => unavailable.push(`${address}: ${message}`),
    }),
  })
  return { bringUp, dialer, times, unavailable }
})

describe("a join", () => {
  it.effect("returns the link of the peer at the address, without a dial", () =>
    Effect.gen(function* () {
      const { bringUp, dialer, times } = yield* make(knowing(Member.make(b, "Linked")))
      const link = bringUp()
      assert.strictEqual(yield* Effect.timeout(dialer.join(addressOf("b")), "1 minute"), link)
      assert.deepStrictEqual(times, [])
    }).pipe(Effect.scoped, VirtualTime.flow),
  )

  it.effect(
    "returns the link of the peer that was dialed at the address, although the peer advertises another address",
    () =>
      Effect.gen(function* () {
        const { bringUp, dialer, times } = yield* make(
          knowing({ ...Member.make(b, "Linked"), address: addressOf("c") }),
        )
        const link = bringUp()
        assert.strictEqual(yield* Effect.timeout(dialer.join(addressOf("c")), "1 minute"), link)
        assert.deepStrictEqual(times, [])
      }).pipe(Effect.scoped, VirtualTime.flow),
  )

  it.effect("dials although there is a link to another address, or the membership has lost the link", () =>
    Effect.gen(function* () {
      for (const [member, address] of [
        [Member.make(b, "Linked"), addressOf("c")],
        [Member.make(b, "Down"), addressOf("b")],
        [{ ...Member.make(b, "Linked"), disconnected: true }, addressOf("b")],
      ] as const) {
        const { bringUp, dialer, times } = yield* make(knowing(member), "denied")
        bringUp()
        yield* Effect.flip(dialer.join(address))
        assert.strictEqual(times.length, 1)
      }
    }).pipe(Effect.scoped, VirtualTime.flow),
  )

  it.effect("dials on the schedule until a peer answers, and reports each failure", () =>
    Effect.gen(function* () {
      const { bringUp, dialer, times, unavailable } = yield* make(knowing(Member.make(b, "Linked")))
      const join = yield* Effect.forkChild(dialer.join(addressOf("b")))
      yield* Effect.sleep(2_500)
      assert.deepStrictEqual(times, [0, 1_000, 2_000])
      assert.strictEqual(unavailable.length, 3)
      assert.include(unavailable[0], "nobody")
      // The peer dialed this node meanwhile.
      const link = bringUp()
      assert.strictEqual(yield* Effect.timeout(Fiber.join(join), "1 minute"), link)
      assert.strictEqual(times.length, 3)
    }).pipe(Effect.scoped, VirtualTime.flow),
  )

  it.effect("fails with a refusal that another attempt cannot change, and waits as long as a busy peer requests", () =>
    Effect.gen(function* () {
      const { dialer: denied, unavailable } = yield* make(initial, "denied")
      assert.deepInclude(yield* Effect.flip(denied.join(addressOf("b"))), { code: "denied", by: "them" })
      assert.deepStrictEqual(unavailable, [])
      const { dialer: busy, times } = yield* make(initial, "busy")
      yield* Effect.forkChild(busy.join(addressOf("b")))
      yield* Effect.sleep(4_900)
      assert.strictEqual(times.length, 1)
      yield* Effect.sleep(1_600)
      assert.strictEqual(times.length, 2)
    }).pipe(Effect.scoped, VirtualTime.flow),
  )
})

describe("a member without a link", () => {
  it.effect("is dialed as soon as the state requires it", () =>
    Effect.gen(function* () {
      const state = knowing(Member.make(b, "Down"))
      const { dialer, times } = yield* make(state)
      yield* Effect.sleep(1_500)
      assert.deepStrictEqual(times, [])
      dialer.reconcile(state)
      yield* Effect.sleep(1_500)
      assert.deepStrictEqual(times, [1_500, 2_500])
    }).pipe(Effect.scoped, VirtualTime.flow),
  )
})

describe("a discovered address", () => {
  it.effect("is dialed until a discovery result does not contain it", () =>
    Effect.gen(function* () {
      const { dialer, times } = yield* make()
      dialer.setDiscovered([addressOf("b")])
      yield* Effect.sleep(1_500)
      assert.deepStrictEqual(times, [0, 1_000])
      dialer.setDiscovered([])
      yield* Effect.sleep(3_000)
      assert.deepStrictEqual(times, [0, 1_000])
    }).pipe(Effect.scoped, VirtualTime.flow),
  )
})

describe("a seed", () => {
  it.effect("is dialed until this node leaves", () =>
    Effect.gen(function* () {
      const { dialer, times } = yield* make()
      dialer.addSeed(addressOf("b"))
      yield* Effect.sleep(1_500)
      assert.deepStrictEqual(times, [0, 1_000])
      dialer.reconcile({ ...initial, phase: { _tag: "Stopped", reason: "left" } })
      yield* Effect.sleep(3_000)
      assert.deepStrictEqual(times, [0, 1_000])
    }).pipe(Effect.scoped, VirtualTime.flow),
  )
})

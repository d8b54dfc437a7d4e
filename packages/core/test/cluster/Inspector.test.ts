import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { Inspector } from "../../src/cluster/Inspector.ts"
import { lan } from "../../src/FailureDetector.ts"
import * as Limits from "../../src/Limits.ts"
import type { Link } from "../../src/link/Link.ts"
import * as Member from "../../src/membership/Member.ts"
import { JoinAttempts } from "../../src/peering/JoinAttempts.ts"
import { recordOf } from "../membership/support.ts"
import { fakeLink, record } from "../peering/fakeLink.ts"
import { initial } from "../peering/support.ts"

/** Returns the inspection of peer `b`, as this member and with this open link. */
const inspectPeer = Effect.fnUntraced(function* (member: Member.Member, link: Link | undefined) {
  const open = link === undefined ? [] : [link]
  const inspector = new Inspector({
    cluster: "test",
    detector: lan,
    loop: { state: () => ({ ...initial, members: new Map([["b", member]]) }), waiting: () => 0, largestShare: () => 0 },
    links: { all: () => open, current: () => link, gauges: () => ({ links: 0, handshakes: 0, dials: 0 }) },
    hub: { waiting: () => 0 },
    limits: Limits.defaults,
    dialer: { failureOf: () => undefined, joins: new JoinAttempts() },
    outcomes: { list: () => [] },
    status: { status: { _tag: "Member", peers: 1 }, everLinked: true },
    observedHosts: { list: () => [] },
    clock: yield* Clock.Clock,
  })
  const { peers } = yield* inspector.inspect()
  return { link: peers[0]?.link, isConnected: peers[0]?.connection !== undefined }
})

const linkTo = (generation: number) => fakeLink({ peer: record(generation, "b"), session: () => ({ session: 1 }) })

describe("the link of an inspected peer", () => {
  it.effect("is up exactly if the membership knows it and it is open", () =>
    Effect.gen(function* () {
      const { generation } = recordOf("b")
      const linked = Member.make(recordOf("b"), "Linked")
      const up = { link: "up", isConnected: true } as const
      const down = { link: "down", isConnected: false } as const
      assert.deepStrictEqual(yield* inspectPeer(linked, linkTo(generation)), up)
      // The link has just ended, and the membership has not handled its end yet.
      assert.deepStrictEqual(yield* inspectPeer(linked, undefined), down)
      // The link has just come up.
      assert.deepStrictEqual(yield* inspectPeer(Member.make(recordOf("b"), "Down"), linkTo(generation)), down)
      // A newer life of the peer has the link.
      assert.deepStrictEqual(yield* inspectPeer(linked, linkTo(generation + 1)), down)
    }),
  )

  it.effect("is indirect if only other members reach the peer", () =>
    Effect.gen(function* () {
      const indirect = Member.make(recordOf("b"), "Indirect", { lastReachedBy: "c" })
      assert.deepStrictEqual(yield* inspectPeer(indirect, undefined), { link: "indirect", isConnected: false })
    }),
  )
})

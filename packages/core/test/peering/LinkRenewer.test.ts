import { assert, describe, it } from "@effect/vitest"
import * as VirtualTime from "@coterie/testkit/VirtualTime"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { Address } from "../../src/Address.ts"
import * as Handshake from "../../src/link/Handshake.ts"
import type { Link } from "../../src/link/Link.ts"
import * as Member from "../../src/membership/Member.ts"
import type * as State from "../../src/membership/State.ts"
import { LinkRenewer, renewalMillis } from "../../src/peering/LinkRenewer.ts"
import { addressOf, recordOf } from "../membership/support.ts"
import { fakeLink } from "./fakeLink.ts"
import { initial } from "./support.ts"

const b = recordOf("b")

const failed = new Handshake.HandshakeFailed({ reason: "lost", message: "why" })

/** Creates a renewer of a link to `b`. All dials fail, except at the address `answers`, where a new link comes up. */
const make = ({ answers, waiting }: { readonly answers?: Address; readonly waiting?: Address } = {}) => {
  const link = fakeLink({ peer: b, session: () => ({ session: 1 }) })
  const dials: Array<Address> = []
  const lines: Array<string> = []
  let current: Link | undefined = link
  let state: State.State = {
    ...initial,
    members: new Map([["b", { ...Member.make(b, "Linked"), address: addressOf("known") }]]),
  }
  const renewer = new LinkRenewer({
    loop: { state: () => state },
    links: { current: () => current },
    addresses: {
      awaitAny: () => Effect.void,
      waitFor: (address) => (address === waiting ? 1 : 0),
      dial: (address, options) =>
        Effect.suspend(() => {
          assert.deepStrictEqual(options, { expected: "b", renewal: true })
          dials.push(address)
          if (address !== answers) return Effect.fail(failed)
          current = fakeLink({ peer: b, session: () => ({ session: 1 }) })
          return Effect.succeed(current)
        }),
    },
    reconnect: Schedule.recurs(2),
    log: { write: ({ text }) => Effect.sync(() => void lines.push(text)) },
  })
  return {
    dials,
    lines,
    /** Runs the renewal of the link. */
    run: (dialed?: Address) => renewer.renew(link, dialed),
    loseLink: () => {
      current = undefined
    },
    leave: () => {
      state = { ...state, phase: { _tag: "Stopped", reason: "left" } }
    },
  }
}

describe("the renewal of a link", () => {
  it.effect("dials the addresses of the peer in turn, until another link is in use", () =>
    Effect.gen(function* () {
      const { dials, lines, run } = make({ answers: addressOf("known") })
      yield* run(addressOf("dialed"))
      assert.deepStrictEqual(dials, [addressOf("dialed"), addressOf("known")])
      assert.deepStrictEqual(lines, [`the link to b could not be renewed: ${addressOf("dialed")}: why; trying again`])
    }).pipe(VirtualTime.flow),
  )

  it.effect("dials again on the schedule, and ends with it", () =>
    Effect.gen(function* () {
      const { dials, run } = make({ waiting: addressOf("known") })
      yield* run(addressOf("dialed"))
      assert.strictEqual(dials.filter((address) => address === addressOf("dialed")).length, 3)
      assert.notInclude(dials, addressOf("known"))
    }).pipe(VirtualTime.flow),
  )

  it.effect("does not dial after the link has ended, or when this node leaves", () =>
    Effect.gen(function* () {
      for (const change of ["loseLink", "leave"] as const) {
        const renewal = make()
        const fiber = yield* Effect.forkChild(renewal.run())
        yield* Effect.sleep(renewalMillis / 4)
        renewal[change]()
        yield* Effect.sleep(renewalMillis)
        assert.isDefined(fiber.pollUnsafe())
        assert.deepStrictEqual(renewal.dials, [])
      }
    }).pipe(VirtualTime.flow),
  )
})

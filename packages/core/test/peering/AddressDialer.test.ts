import * as VirtualTime from "@coterie/testkit/VirtualTime"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { HandshakeRejected } from "../../src/link/Handshake.ts"
import type { Link } from "../../src/link/Link.ts"
import type { RejectCode } from "../../src/protocol/Frame.ts"
import { AddressDialer } from "../../src/peering/AddressDialer.ts"
import { RetryAfter } from "../../src/peering/RetryAfter.ts"
import { step } from "../../src/membership/Membership.ts"
import { addressOf, wall } from "../membership/support.ts"
import { fakeLink, record } from "./fakeLink.ts"
import { makeLoop } from "./support.ts"

const address = addressOf("b")
const atLeastGeneration = wall + 7

const rejected = (code: RejectCode, by: "us" | "them" = "them") =>
  new HandshakeRejected({ code, message: "", by, atLeastGeneration, retryAfter: 3_000 })

/** Creates a dialer whose dials end with these outcomes, in this order. */
const make = Effect.fnUntraced(function* (...outcomes: ReadonlyArray<Link | HandshakeRejected>) {
  const { inputs, loop } = yield* makeLoop(step)
  yield* Effect.forkChild(loop.run({ perform: () => undefined, changed: () => undefined }))
  let dials = 0
  const dialer = new AddressDialer(
    loop,
    {
      dial: () =>
        Effect.suspend(() => {
          const outcome = outcomes[dials++] ?? assert.fail("expected no further dial")
          return outcome instanceof HandshakeRejected ? Effect.fail(outcome) : Effect.succeed(outcome)
        }),
    },
    new RetryAfter(yield* Clock.Clock),
  )
  return { dialer, inputs, dials: () => dials }
})

const link = fakeLink({ peer: record(1), session: () => ({ session: 1 }) })

describe("a dial of an address", () => {
  it.effect("is repeated at once with the generation that a peer requires", () =>
    Effect.gen(function* () {
      const { dialer, inputs } = yield* make(rejected("stale"), link)
      assert.strictEqual(yield* dialer.dial(address), link)
      assert.deepStrictEqual(inputs, [
        { _tag: "NameTaken", generation: wall, instance: 0, atLeastGeneration, dialed: undefined },
      ])
    }),
  )

  it.effect("is not repeated if this node refused the peer, or for another reason", () =>
    Effect.gen(function* () {
      for (const error of [rejected("stale", "us"), rejected("busy"), rejected("denied")]) {
        const { dialer, dials, inputs } = yield* make(error)
        assert.strictEqual(yield* Effect.flip(dialer.dial(address)), error)
        assert.strictEqual(dials(), 1)
        assert.deepStrictEqual(inputs, [])
      }
    }),
  )

  it.effect("that fails delays the next dial of the address for as long as the peer requests", () =>
    Effect.gen(function* () {
      const { dialer } = yield* make(rejected("busy"))
      assert.strictEqual(dialer.waitFor(address), 0)
      yield* Effect.flip(dialer.dial(address))
      const wait = dialer.waitFor(address)
      assert.isTrue(wait >= 3_000 && wait <= 1.25 * 3_000, `a wait of ${wait} ms`)
      const start = yield* Clock.currentTimeMillis
      yield* dialer.awaitAny([address, addressOf("c")])
      assert.strictEqual((yield* Clock.currentTimeMillis) - start, 0)
      yield* dialer.awaitAny([address])
      assert.isAtLeast((yield* Clock.currentTimeMillis) - start, wait)
    }).pipe(VirtualTime.flow),
  )
})

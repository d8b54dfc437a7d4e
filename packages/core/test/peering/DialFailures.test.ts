import { assert, describe, it } from "@effect/vitest"
import { HandshakeFailed } from "../../src/link/Handshake.ts"
import { DialFailures } from "../../src/peering/DialFailures.ts"
import { addressOf } from "../membership/support.ts"

const [one, two] = [addressOf("one"), addressOf("two")]

const timeout = new HandshakeFailed({ reason: "timeout", message: "no answer in time" })
const lost = new HandshakeFailed({ reason: "lost", message: "the connection ended" })

const peer = { name: "b", generation: 1 }

describe("the failed dials of peers", () => {
  it("are the last one of each peer, with the number of failures on all addresses", () => {
    const failures = new DialFailures()
    failures.note(peer, one, timeout, 10)
    failures.note({ name: "c", generation: 1 }, one, timeout, 15)
    failures.note(peer, two, lost, 20)
    assert.deepInclude(failures.of(peer), { address: two, error: lost, at: 20, attempts: 2 })
    assert.deepInclude(failures.of({ name: "c", generation: 1 }), { address: one, attempts: 1 })
  })

  it("do not apply to another generation of the peer", () => {
    const failures = new DialFailures()
    failures.note(peer, one, timeout, 10)
    const next = { name: "b", generation: 2 }
    assert.isUndefined(failures.of(next))
    failures.note(next, two, timeout, 20)
    assert.deepInclude(failures.of(next), { attempts: 1 })
    assert.isUndefined(failures.of(peer))
  })

  it("are forgotten on request, and then counted again", () => {
    const failures = new DialFailures()
    failures.note(peer, one, timeout, 10)
    failures.forget("b")
    assert.isUndefined(failures.of(peer))
    failures.note(peer, one, timeout, 20)
    assert.deepInclude(failures.of(peer), { attempts: 1 })
  })
})

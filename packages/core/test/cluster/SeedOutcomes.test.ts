import { assert, describe, it } from "@effect/vitest"
import { defaultFailOn, type FailOn, SeedOutcomes } from "../../src/cluster/SeedOutcomes.ts"
import { HandshakeFailed, HandshakeRejected } from "../../src/link/Handshake.ts"
import type { RejectCode } from "../../src/protocol/Frame.ts"
import { TransportError } from "../../src/Transport.ts"
import { addressOf } from "../membership/support.ts"

const [a, b, c] = [addressOf("a"), addressOf("b"), addressOf("c")]

const olderTimeout = 5_000
const namesakeTimeout = 1_000

/** Makes the outcomes of these seeds, without discovered addresses. */
const make = (seeds: ReadonlyArray<typeof a>, failOn: ReadonlyArray<FailOn> = defaultFailOn) => {
  const outcomes = new SeedOutcomes({ failOn, namesakeTimeout, olderTimeout })
  for (const seed of seeds) outcomes.addSeed(seed)
  outcomes.endDiscovery()
  return outcomes
}

const refused = (code: RejectCode, by: HandshakeRejected["by"] = "them") =>
  new HandshakeRejected({ code, message: `because of ${code}`, by })

const timeout = new HandshakeFailed({ reason: "timeout", message: "no answer in time" })

describe("the addresses of a node", () => {
  it("are empty if there is no seed and the discovery found nothing", () => {
    const outcomes = new SeedOutcomes({ failOn: [], namesakeTimeout, olderTimeout })
    assert.isFalse(outcomes.isEmpty, "the discovery may find an address")
    outcomes.setDiscovered([])
    assert.isTrue(outcomes.isEmpty)
    outcomes.setDiscovered([a])
    assert.isFalse(outcomes.isEmpty)
    outcomes.setDiscovered([])
    outcomes.addSeed(b)
    assert.isFalse(outcomes.isEmpty)
  })

  it("are empty if the discovery ended without a set", () => {
    assert.isTrue(make([]).isEmpty)
  })

  it("are listed once each, with their origin and the outcome of the last dial", () => {
    const outcomes = make([a])
    outcomes.addSeed(b, "join")
    outcomes.addSeed(a, "join")
    outcomes.setDiscovered([b, c])
    assert.deepStrictEqual(
      [...outcomes.list()],
      [
        { address: a, source: "seed", outcome: undefined },
        { address: b, source: "join", outcome: undefined },
        { address: c, source: "discovery", outcome: undefined },
      ],
    )
    outcomes.note(a, timeout, 10)
    outcomes.note(a, timeout, 20)
    const outcomeOfA = () => [...outcomes.list()][0]?.outcome
    assert.deepInclude(outcomeOfA(), { error: timeout, at: 20, failures: 2, answeredBy: undefined })
    outcomes.note(a, undefined, 30, "x")
    assert.deepInclude(outcomeOfA(), { error: undefined, at: 30, failures: 0, answeredBy: "x" })
    outcomes.note(a, timeout, 40, "x")
    assert.deepInclude(outcomeOfA(), { error: timeout, failures: 1, answeredBy: "x" })
  })

  it("are tried once a dial of each seed and discovered address has ended", () => {
    const outcomes = make([a])
    outcomes.setDiscovered([a, b])
    assert.isFalse(outcomes.isTried(0))
    outcomes.note(a, timeout, 0)
    assert.isFalse(outcomes.isTried(0))
    outcomes.note(b, undefined, 0)
    assert.isTrue(outcomes.isTried(0))
  })

  it("are not tried before the discovery emitted its first set or ended", () => {
    const outcomes = new SeedOutcomes({ failOn: [], namesakeTimeout, olderTimeout })
    outcomes.addSeed(a)
    outcomes.note(a, timeout, 0)
    assert.isFalse(outcomes.isTried(0))
    outcomes.endDiscovery()
    assert.isTrue(outcomes.isTried(0))
  })

  it("are not tried while a namesake may be the predecessor of this process", () => {
    const outcomes = make([a])
    outcomes.note(a, refused("duplicate"), 500)
    assert.isFalse(outcomes.isTried(500 + namesakeTimeout - 1))
    assert.isTrue(outcomes.isTried(500 + namesakeTimeout))
  })

  it("have no outcome for an address that the discovery removed, unless it is a seed", () => {
    const outcomes = make([a])
    outcomes.setDiscovered([a, b])
    outcomes.note(a, timeout, 0)
    outcomes.note(b, timeout, 0)
    outcomes.setDiscovered([])
    outcomes.setDiscovered([b])
    assert.isFalse(outcomes.isTried(0), "the address was found again and not tried since")
    outcomes.setDiscovered([])
    assert.isTrue(outcomes.isTried(0))
    assert.strictEqual(outcomes.lastError, `${a}: no answer in time`)
  })

  it("have no outcome for an unknown address", () => {
    const outcomes = make([a])
    outcomes.note(c, refused("label"), 0)
    assert.isUndefined(outcomes.lastError)
    outcomes.setDiscovered([c])
    assert.isFalse(outcomes.isTried(0))
  })
})

describe("the last error of the addresses", () => {
  it("is the error of the last failed dial, with its address", () => {
    const outcomes = make([a, b])
    assert.isUndefined(outcomes.lastError)
    outcomes.note(a, timeout, 0)
    outcomes.note(b, new TransportError({ reason: "refused", message: `${b} refused the connection` }), 1)
    assert.strictEqual(outcomes.lastError, `${b} refused the connection`)
    outcomes.note(a, timeout, 2)
    assert.strictEqual(outcomes.lastError, `${a}: no answer in time`)
  })

  it("excludes addresses that have answered since, and the address of this node", () => {
    const outcomes = make([a, b, c])
    outcomes.note(a, timeout, 0)
    outcomes.note(b, timeout, 1)
    outcomes.note(c, refused("self"), 2)
    assert.strictEqual(outcomes.lastError, `${b}: no answer in time`)
    outcomes.note(b, undefined, 3)
    assert.strictEqual(outcomes.lastError, `${a}: no answer in time`)
  })
})

describe("the refusal that ends a node", () => {
  it("must be in the option, and every address must refuse", () => {
    const outcomes = make([a, b])
    outcomes.note(a, refused("label"), 0)
    assert.isUndefined(outcomes.fatal(0), "the other address was not tried")
    outcomes.note(b, timeout, 0)
    assert.isUndefined(outcomes.fatal(0), "the other address may accept the node later")
    outcomes.note(b, refused("label"), 0)
    const error = outcomes.fatal(0)
    assert.strictEqual(error?.reason._tag, "OtherCluster")
    assert.strictEqual(error?.address, a)
  })

  it("excludes codes that are not in the option", () => {
    for (const code of ["version", "denied"] as const) {
      const [byDefault, chosen] = [make([a]), make([a], [code])]
      byDefault.note(a, refused(code), 0)
      assert.isUndefined(byDefault.fatal(0))
      chosen.note(a, refused(code), 0)
      assert.strictEqual(chosen.fatal(0)?.address, a)
    }
  })

  it("excludes codes that change with time", () => {
    const outcomes = make([a], ["duplicate", "otherCluster", "denied", "version"])
    for (const code of ["busy", "stale"] as const) {
      outcomes.note(a, refused(code), 0)
      assert.isUndefined(outcomes.fatal(0))
    }
  })

  it("excludes denials by the admission policy of this node", () => {
    const outcomes = make([a], ["denied"])
    outcomes.note(a, refused("denied", "us"), 0)
    assert.isUndefined(outcomes.fatal(0))
  })

  it("includes a lasting namesake at any address", () => {
    const outcomes = make([a, b])
    outcomes.note(a, refused("duplicate"), 0)
    outcomes.note(a, refused("duplicate"), namesakeTimeout - 1)
    assert.isUndefined(outcomes.fatal(namesakeTimeout - 1))
    const error = outcomes.fatal(namesakeTimeout)
    assert.strictEqual(error?.reason._tag, "DuplicateName")
    assert.strictEqual(error?.address, a)
  })

  it("excludes a namesake that was unreachable between two refusals", () => {
    const outcomes = make([a])
    outcomes.note(a, refused("duplicate"), 0)
    outcomes.note(a, timeout, 500)
    outcomes.note(a, refused("duplicate"), 600)
    assert.isUndefined(outcomes.fatal(599 + namesakeTimeout))
    assert.isDefined(outcomes.fatal(600 + namesakeTimeout))
  })

  it("waits for the other addresses while a namesake may end", () => {
    const outcomes = make([a, b])
    outcomes.note(a, refused("label"), 0)
    outcomes.note(b, refused("duplicate"), 0)
    assert.isUndefined(outcomes.fatal(0))
  })

  it("waits for the first set of the discovery", () => {
    const outcomes = new SeedOutcomes({ failOn: ["otherCluster"], namesakeTimeout, olderTimeout })
    outcomes.addSeed(a)
    outcomes.note(a, refused("label"), 0)
    assert.isUndefined(outcomes.fatal(0))
    outcomes.setDiscovered([])
    assert.isDefined(outcomes.fatal(0))
  })

  it("ignores the address of this node", () => {
    const outcomes = make([a, b])
    outcomes.note(a, refused("self"), 0)
    assert.isUndefined(outcomes.fatal(0))
    outcomes.note(b, refused("label"), 0)
    assert.strictEqual(outcomes.fatal(0)?.address, b)
  })
})

/** The health of a node as a table. */
import { Health } from "@coterie/admin"
import { Defect, DuplicateName, StoppedError, Superseded } from "@coterie/core/ClusterError"
import type { AddressInspection, Inspection } from "@coterie/core/Inspection"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { failing, inspection, peer } from "./inspections.ts"

const untried: AddressInspection = { ...failing("refused"), state: "untried", dial: undefined }
const self: AddressInspection = { ...failing("self"), state: "self", dial: undefined }
const stopped = (reason: StoppedError["reason"]) => ({ _tag: "Stopped" as const, error: new StoppedError({ reason }) })
const duplicate = new DuplicateName({ refusedBy: "peer", text: "the name is used" })

const fresh = { everLinked: false, peers: [] }
const searching: Partial<Inspection> = { ...fresh, status: { _tag: "Alone", reason: "unavailable", message: "" } }
const alone: Partial<Inspection> = { ...fresh, status: { _tag: "Alone", reason: "noSeeds", message: "" } }

interface Case {
  readonly when: string
  readonly node: Partial<Inspection>
  readonly started: boolean
  readonly ready: boolean
  readonly live: boolean
  /** Part of the reason of the readiness. */
  readonly why?: string
}

const cases: ReadonlyArray<Case> = [
  {
    when: "the application has not started the node",
    node: { ...fresh, status: { _tag: "Starting", reason: "notStarted" } },
    started: false,
    ready: false,
    live: true,
    why: "the application has not started this node",
  },
  {
    when: "an address has not been tried",
    node: { ...searching, addresses: [failing("refused"), untried], uptimeMillis: 60_000 },
    started: false,
    ready: false,
    live: true,
    why: "looks for peers",
  },
  {
    when: "all addresses were tried and the node is young",
    node: { ...searching, addresses: [failing("refused")], uptimeMillis: 9_999 },
    started: false,
    ready: false,
    live: true,
    why: "looks for peers",
  },
  {
    when: "nobody answered at any address for ten seconds",
    node: { ...searching, addresses: [failing("refused"), failing("timeout")], uptimeMillis: 10_000 },
    started: true,
    ready: true,
    live: true,
    why: "this node is the first",
  },
  ...(["duplicate", "denied", "otherCluster", "version", "unauthenticated"] as const).map((reason) => ({
    when: `a peer refuses a new node with "${reason}"`,
    node: { ...searching, addresses: [failing("refused"), failing(reason)] },
    started: false,
    ready: false,
    live: true,
    why: `a peer refuses this node: ${reason}`,
  })),
  {
    when: "a peer refuses a node that was a member",
    node: { addresses: [failing("duplicate")], peers: [peer("b")] },
    started: true,
    ready: true,
    live: true,
  },
  { when: "there are no addresses", node: alone, started: true, ready: true, live: true, why: "no other address" },
  { when: "all addresses are the node", node: { ...alone, addresses: [self] }, started: true, ready: true, live: true },
  {
    when: "the first discovery has not ended",
    node: { ...fresh, status: { _tag: "Starting", reason: "joining" }, addresses: [] },
    started: false,
    ready: false,
    live: true,
  },
  {
    when: "the node has a link",
    node: { peers: [peer("b")] },
    started: true,
    ready: true,
    live: true,
    why: "1 link is up",
  },
  {
    when: "a member is isolated",
    node: { isolated: true, status: { _tag: "Alone", reason: "isolated", message: "" } },
    started: true,
    ready: true,
    live: true,
    why: "serves alone",
  },
  { when: "a partition is suspected", node: { partition: ["b"] }, started: true, ready: true, live: true },
  { when: "a seed does not answer", node: { addresses: [failing("timeout")] }, started: true, ready: true, live: true },
  {
    when: "the node leaves",
    node: { status: { _tag: "Leaving" } },
    started: true,
    ready: false,
    live: true,
    why: "leaving",
  },
  {
    when: "the node has left",
    node: { status: { _tag: "Stopped" } },
    started: true,
    ready: false,
    live: true,
    why: "has stopped",
  },
  {
    when: "a newer process has the name",
    node: { status: stopped(new Superseded()) },
    started: true,
    ready: false,
    live: false,
  },
  {
    when: "a defect ended the node",
    node: { status: stopped(new Defect({ cause: new Error("a bug") })) },
    started: true,
    ready: false,
    live: false,
  },
  {
    when: "a refusal ended a node that never had a link",
    node: { ...fresh, status: stopped(duplicate) },
    started: false,
    ready: false,
    live: false,
  },
]

describe("the health of a node", () => {
  for (const { live, node, ready, started, when, why } of cases) {
    it(`is ${started ? "" : "not "}started, ${ready ? "" : "not "}ready and ${live ? "" : "not "}live when ${when}`, () => {
      const found = inspection(node)
      const answers = [Health.started(found), Health.ready(found), Health.live(found)]
      assert.deepStrictEqual(
        answers.map(({ ok }) => ok),
        [started, ready, live],
      )
      if (why !== undefined) assert.include(Health.ready(found).reason, why)
    })
  }

  it("has no name and no address in its reasons", () => {
    for (const { node } of cases) {
      const found = inspection({ ...node, peers: [peer("secret-name")] })
      for (const { reason } of [Health.started(found), Health.ready(found), Health.live(found)]) {
        assert.notInclude(reason, "secret-name")
        assert.notInclude(reason, "10.0.0.9")
      }
    }
  })

  it.effect("follows the settings of a layer, and keeps the defaults of the others", () =>
    Effect.gen(function* () {
      const layer = Health.layer({
        aloneAfter: "1 minute",
        minimumLinks: 2,
        ready: (answer, { viewVersion }) => (viewVersion === 9 ? { ok: false, reason: "not warm" } : answer),
      })
      const policy = Context.get(yield* Layer.build(layer), Health.Health)
      assert.isTrue(policy.restartStopped)
      assert.strictEqual(Duration.toMillis(policy.aloneAfter), 60_000)
      const young = inspection({ ...searching, addresses: [failing("refused")], uptimeMillis: 59_999 })
      assert.isFalse(Health.started(young, policy).ok)
      assert.deepStrictEqual(Health.ready(inspection({ peers: [peer("b")] }), policy), {
        ok: false,
        reason: "1 of at least 2 links are up",
      })
      assert.strictEqual(Health.ready(inspection({ viewVersion: 9 }), policy).reason, "not warm")
      const ended = inspection({ status: stopped(new Superseded()) })
      assert.isTrue(Health.live(ended, { ...policy, restartStopped: false }).ok)
    }),
  )
})

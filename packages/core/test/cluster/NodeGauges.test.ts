import { assert, describe, it } from "@effect/vitest"
import { makeView } from "../../src/ClusterEvent.ts"
import * as NodeGauges from "../../src/cluster/NodeGauges.ts"
import * as Limits from "../../src/Limits.ts"
import type { Gauges } from "../../src/link/Link.ts"
import * as Member from "../../src/membership/Member.ts"
import type * as State from "../../src/membership/State.ts"
import type { Identity } from "../../src/Transport.ts"
import { recordOf } from "../membership/support.ts"
import { fakeLink } from "../peering/fakeLink.ts"
import { initial } from "../peering/support.ts"
import { makeMetrics } from "./metricsSupport.ts"

/** Makes a link with these gauges. */
const linkOf = (name: string, gauges: Partial<Gauges>, identity?: Identity) => {
  const link = fakeLink({ peer: recordOf(name), session: () => ({ session: 1 }), identity })
  const measured = { ...link.gauges(), ...gauges }
  link.gauges = () => measured
  return link
}

const members = new Map([
  ["b", Member.make(recordOf("b"), "Linked")],
  ["c", Member.make(recordOf("c"), "Down")],
  ["d", { ...Member.make(recordOf("d"), "Down"), disconnected: true }],
])

const state: State.State = {
  ...initial,
  members,
  view: makeView({
    self: initial.view.self,
    peers: ["b", "c"].map((name) => Member.toPeer(members.get(name) ?? assert.fail())),
  }),
  viewHash: 1n,
  health: 3,
}

/** Adds the gauges of a node with two links, and returns a function that reads them. */
const make = () => {
  const { metrics, valueOf } = makeMetrics()
  const links = [
    linkOf("a", { viewHash: 1n }, { _tag: "Secret", key: "k" }),
    linkOf("b", { control: 1, controlBytes: 70, data: 20, inbox: 30, lane: 4, lag: 1_500, rtt: 4, viewHash: 1n }),
    linkOf("c", { control: 2, controlBytes: 60, data: 10, inbox: 3, lane: 40, lag: 500, rtt: 20, viewHash: 2n }),
  ]
  NodeGauges.show(metrics, {
    loop: { state: () => state, waiting: () => 5, largestShare: () => 4 },
    links: { all: () => links, current: () => undefined, gauges: () => ({ links: 6, handshakes: 7, dials: 8 }) },
    hub: { waiting: () => 9 },
    limits: Limits.defaults,
  })
  return (id: string, labels = {}) => valueOf(id, labels)
}

describe("the gauges of a node", () => {
  it("count the members by status and by link, without disconnected peers", () => {
    const value = make()
    assert.deepStrictEqual(value("coterie_members", { status: "alive" }), { value: 2 })
    assert.deepStrictEqual(value("coterie_members", { status: "failed" }), { value: 0 })
    assert.deepStrictEqual(value("coterie_links", { state: "up" }), { value: 1 })
    assert.deepStrictEqual(value("coterie_links", { state: "down" }), { value: 1 })
  })

  it("count the links by the proof of the peer", () => {
    const value = make()
    assert.deepStrictEqual(value("coterie_link_identities", { identity: "none" }), { value: 2 })
    assert.deepStrictEqual(value("coterie_link_identities", { identity: "secret" }), { value: 1 })
    assert.deepStrictEqual(value("coterie_link_identities", { identity: "certificate" }), { value: 0 })
  })

  it("count the different views of this node and its peers", () => {
    assert.deepStrictEqual(make()("coterie_view_hashes"), { value: 2 })
  })

  it("show the local health, and the largest lag in seconds", () => {
    const value = make()
    assert.deepStrictEqual(value("coterie_health"), { value: 3 })
    assert.deepStrictEqual(value("coterie_event_loop_lag_seconds"), { value: 1.5 })
  })

  it("show the median and the longest round-trip time of the measured links, in seconds", () => {
    const value = make()
    assert.deepStrictEqual(value("coterie_rtt_seconds", { quantile: "0.5" }), { value: 0.004 })
    assert.deepStrictEqual(value("coterie_rtt_seconds", { quantile: "1" }), { value: 0.02 })
  })

  for (const [queue, size, limit] of [
    ["membership", 5, "membershipQueue"],
    ["membership_share", 4, "membershipShare"],
    ["events", 9, "eventBuffer"],
    ["inbox_bytes", 30, "inboxWindowBytes"],
    ["lane_bytes", 40, "laneWindowBytes"],
    ["outbox_bytes", 20, "outboxBytes"],
    ["control_outbox", 2, "controlOutbox"],
    ["control_outbox_bytes", 70, "controlOutboxBytes"],
    ["links", 6, "links"],
    ["handshakes", 7, "handshakes"],
    ["dials", 8, "dials"],
  ] as const) {
    it(`show the size of ${queue}, of the link with the largest one, and its limit`, () => {
      const value = make()
      assert.deepStrictEqual(value("coterie_queue_size", { queue }), { value: size })
      assert.deepStrictEqual(value("coterie_queue_limit", { queue }), { value: Limits.defaults[limit] })
    })
  }
})

/** Events about the loss of many peers (docs/protocol.md, section "Partitions"). */
import { describe, expect, it } from "@effect/vitest"
import type { PeerRecord } from "../../src/protocol/PeerRecord.ts"
import type { Node } from "./support.ts"
import {
  answerProbes,
  failDial,
  wall,
  recordOf,
  b,
  c,
  d,
  e,
  claim,
  update,
  linkedTo,
  loseLink,
  makeUnreachable,
  eventsOf,
} from "./support.ts"

describe("the loss of many members at once", () => {
  const peers = Array.from({ length: 7 }, (_, i) => recordOf(`p${i}`))
  const refused = (node: Node, now: number, lost: ReadonlyArray<PeerRecord>, others: ReadonlyArray<PeerRecord>) => [
    ...lost.flatMap((peer) => loseLink(node, now, peer)),
    ...lost.flatMap((peer) => [
      ...failDial(node, now, peer, true),
      ...answerProbes(node, now, peer, "refused", ...others),
    ]),
  ]

  it("a node without any link is isolated, once, until it has a link", () => {
    const a = linkedTo([b, c])
    loseLink(a, 1_000, b)
    loseLink(a, 1_000, c)
    const events = eventsOf([...failDial(a, 1_500, b), ...failDial(a, 1_500, c)])
    expect(events).toStrictEqual(["Isolated", "Suspected b", "Suspected c"])
    expect(a.state().view.isolated).toBe(true)
    expect(eventsOf(a.until(13_499))).toStrictEqual([])
    expect(eventsOf(a.until(14_000)).filter((event) => event.startsWith("Failed"))).toStrictEqual([
      "Failed b",
      "Failed c",
    ])
    expect(eventsOf(a.meet(15_000, claim(b, "alive", 1)))).toStrictEqual([
      "Reconnected",
      "Recovered b",
      "PartitionHealed",
    ])
    expect(a.state().view.isolated).toBe(false)
  })

  it("a node whose connections are refused is not isolated, because the other processes have ended", () => {
    const a = linkedTo([b, c])
    expect(eventsOf(refused(a, 1_000, [b, c], []))).not.toContain("Isolated")
    expect(eventsOf(a.until(20_000)).filter((event) => event.startsWith("Failed"))).toHaveLength(2)
  })

  it("members whose connections are refused have ended, and do not indicate a partition", () => {
    const a = linkedTo(peers)
    refused(a, 1_000, peers.slice(0, 4), peers.slice(4))
    expect(eventsOf(a.until(20_000, peers.slice(4)))).toStrictEqual(
      peers.slice(0, 4).map(({ name }) => `Failed ${name}`),
    )
  })

  it("a partition ends when so many peers have joined that few of all members are lost", () => {
    const a = linkedTo([b, c, d, e])
    makeUnreachable(a, 1_000, b, d, e)
    makeUnreachable(a, 1_000, c, d, e)
    expect(eventsOf(a.until(20_000, [d, e]))).toContain("PartitionSuspected")
    const events = peers.flatMap((peer) => eventsOf(a.meet(30_000, peer)))
    expect(events.filter((event) => event.startsWith("Partition"))).toStrictEqual(["PartitionHealed"])
  })

  it("three of nine members are a partition, because two are less than a quarter", () => {
    const eight = [...peers, b]
    const a = linkedTo(eight)
    const [first, second, third, ...rest] = eight
    if (first === undefined || second === undefined || third === undefined) throw new Error("expected three peers")
    makeUnreachable(a, 1_000, first, second, third, ...rest)
    makeUnreachable(a, 1_000, second, third, ...rest)
    expect(eventsOf(a.until(13_000, eight))).toStrictEqual(["Failed p0", "Failed p1"])
    makeUnreachable(a, 13_000, third, ...rest)
    a.hear(13_000, rest[0] ?? b, update(claim(third, "suspect", 0, "p3")))
    a.hear(13_000, rest[1] ?? b, update(claim(third, "suspect", 0, "p4")))
    a.hear(13_000, rest[2] ?? b, update(claim(third, "suspect", 0, "p5")))
    // The third fails within suspicionMax of the first two: three of nine are lost.
    expect(eventsOf(a.until(15_000, rest))).toStrictEqual(["Failed p2", "PartitionSuspected"])
  })

  it("a quarter of all within suspicionMax is a partition, and fewer are not", () => {
    const a = linkedTo(peers)
    const [first, second, ...rest] = peers
    if (first === undefined || second === undefined) throw new Error("expected two peers")
    makeUnreachable(a, 1_000, first, second, ...rest)
    expect(eventsOf(a.until(13_000, peers))).toStrictEqual(["Failed p0"])
    makeUnreachable(a, 13_000, second, ...rest)
    expect(eventsOf(a.until(24_999, peers))).toStrictEqual([])
    expect(eventsOf(a.until(25_000, peers))).toStrictEqual(["Failed p1"])
    const both = linkedTo(peers)
    makeUnreachable(both, 1_000, first, second, ...rest)
    makeUnreachable(both, 1_000, second, ...rest)
    expect(eventsOf(both.until(13_000, peers))).toStrictEqual(["Failed p0", "Failed p1", "PartitionSuspected"])
  })

  it("the first losses still count when more members are lost much later", () => {
    const a = linkedTo(peers)
    const [first, second, third, ...rest] = peers
    if (first === undefined || second === undefined || third === undefined) throw new Error("expected three peers")
    makeUnreachable(a, 1_000, first, second, third, ...rest)
    makeUnreachable(a, 1_000, second, third, ...rest)
    expect(eventsOf(a.until(13_000, peers))).toContain("PartitionSuspected")
    makeUnreachable(a, 60_000, third, ...rest)
    a.until(100_000, rest)
    // One of three has returned; the other two are still a quarter of all.
    expect(eventsOf(a.meet(110_000, claim(third, "alive", 1)))).toStrictEqual(["Recovered p2"])
    expect(eventsOf(a.meet(110_000, claim(first, "alive", 1)))).toStrictEqual(["Recovered p0", "PartitionHealed"])
  })

  it("a partition ends when enough members have returned, and reports the others as missing", () => {
    const a = linkedTo(peers)
    const lost = peers.slice(0, 4)
    const rest = peers.slice(4)
    for (const peer of lost) makeUnreachable(a, 1_000, peer, ...rest)
    a.until(30_000, rest)
    const [first, second, third] = lost
    if (first === undefined || second === undefined || third === undefined) throw new Error("expected three peers")
    expect(eventsOf(a.meet(40_000, claim(first, "alive", 1)))).toStrictEqual(["Recovered p0"])
    expect(eventsOf(a.meet(40_000, claim(second, "alive", 1)))).toStrictEqual(["Recovered p1"])
    const outputs = a.meet(40_000, { ...third, generation: wall + 1 })
    expect(eventsOf(outputs)).toStrictEqual(["Replaced p2", "PartitionHealed"])
    expect(outputs.flatMap((output) => (output._tag === "Emit" ? [output.event] : []))).toMatchObject([
      {},
      { returned: [{ name: "p0" }, { name: "p1" }, { name: "p2" }], missing: [{ name: "p3" }] },
    ])
  })

  it("the end of a partition lists as returned only members of the view, and all others as missing", () => {
    const a = linkedTo(peers)
    const lost = peers.slice(0, 4)
    const rest = peers.slice(4)
    for (const peer of lost) makeUnreachable(a, 1_000, peer, ...rest)
    a.until(30_000, rest)
    const [first, second, third] = lost
    if (first === undefined || second === undefined || third === undefined) throw new Error("expected three peers")
    a.meet(40_000, claim(first, "alive", 1))
    a.at(40_000, { _tag: "Disconnect", name: first.name })
    a.meet(40_000, claim(second, "alive", 1))
    const outputs = a.meet(40_000, claim(third, "alive", 1))
    const healed = outputs.flatMap((output) => (output._tag === "Emit" ? [output.event] : [])).at(-1)
    const { peers: present } = a.state().view
    expect(healed).toMatchObject({ _tag: "PartitionHealed", missing: [{ name: "p3", status: "failed" }] })
    expect(healed).toMatchObject({ returned: [present.get("p1"), present.get("p2")] })
  })

  it("a partition ends when the lost members are given up", () => {
    const a = linkedTo([b, c, d], { reconnectWindow: 60_000 })
    makeUnreachable(a, 1_000, b, d)
    makeUnreachable(a, 1_000, c, d)
    expect(eventsOf(a.until(30_000, [d]))).toContain("PartitionSuspected")
    expect(eventsOf(a.until(120_000, [d]))).toStrictEqual(["PartitionHealed"])
    expect(a.state().partition).toBeUndefined()
  })
})

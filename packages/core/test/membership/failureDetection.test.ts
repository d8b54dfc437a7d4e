/** Transitions from a lost link to a failed member, and back (docs/protocol.md R3 to R6, R10). */
import { describe, expect, it } from "@effect/vitest"
import * as State from "../../src/membership/State.ts"
import type * as PeerRecord from "../../src/protocol/PeerRecord.ts"
import {
  bodyOf,
  recordOf,
  b,
  c,
  d,
  e,
  claim,
  update,
  linkedTo,
  loseLink,
  failDial,
  answerProbes,
  makeUnreachable,
  eventsOf,
  framesOf,
  recordsSent,
  statusInView,
  localStatusOf,
  suspicionOf,
  linkOf,
  standingOf,
} from "./support.ts"
import type { Node } from "./support.ts"
import { dialTargets } from "./dialTargets.ts"

describe("R4: suspicion", () => {
  it("a member that no member reaches is suspected, and the accusation names the accuser", () => {
    const a = linkedTo([b, c])
    const outputs = [...makeUnreachable(a, 1_000, b, c), ...a.until(1_200)]
    expect(eventsOf(outputs)).toStrictEqual(["Unreachable b", "Suspected b"])
    expect(framesOf(outputs, "Update")).toMatchObject([
      { to: ["c"], frame: { records: [{ name: "b", status: "suspect", by: "a" }] } },
    ])
    expect(recordsSent(outputs, "b")[0]).not.toHaveProperty("refused")
  })

  it("the accusation shows a refused connection", () => {
    const a = linkedTo([b, c])
    loseLink(a, 1_000, b)
    failDial(a, 1_000, b, true)
    const outputs = [...answerProbes(a, 1_000, b, "refused", c), ...a.until(1_200)]
    expect(recordsSent(outputs, "b")).toMatchObject([{ status: "suspect", by: "a", refused: true }])
  })

  it("accusations of two accusers are both gossiped", () => {
    const peers = Array.from({ length: 4 }, (_, i) => recordOf(`p${i}`))
    const a = linkedTo([b, ...peers])
    const [first] = peers
    if (first === undefined) throw new Error("expected a peer")
    makeUnreachable(a, 1_000, b, ...peers)
    a.hear(1_005, first, update(claim(b, "suspect", 0, "p0")))
    expect(recordsSent(a.until(1_100), "b").map(({ by }) => by)).toStrictEqual(["a", "p0"])
  })

  it("many accusations at once are sent to some members each, and not to all", () => {
    const peers = Array.from({ length: 60 }, (_, i) => recordOf(`p${i}`))
    const a = linkedTo([b, ...peers])
    const [updates, ...more] = framesOf([...makeUnreachable(a, 1_000, b, ...peers), ...a.until(1_200)], "Update")
    expect(more).toStrictEqual([])
    expect(updates?.to).toHaveLength(6)
  })

  it("a further failed dial changes nothing", () => {
    const a = linkedTo([b, c])
    makeUnreachable(a, 1_000, b, c)
    a.until(1_200)
    const since = suspicionOf(a, "b")
    expect([...failDial(a, 1_300, b), ...a.until(1_400)]).toStrictEqual([])
    expect(suspicionOf(a, "b")).toStrictEqual(since)
  })

  it("a member whose link comes up and is lost again before the refutation is suspected again", () => {
    const a = linkedTo([b, c])
    expect(eventsOf(makeUnreachable(a, 1_000, b, c))).toStrictEqual(["Unreachable b", "Suspected b"])
    expect(eventsOf(a.meet(2_000, b))).toStrictEqual(["Reachable b", "Recovered b"])
    expect(eventsOf(makeUnreachable(a, 2_100, b, c))).toStrictEqual(["Unreachable b", "Suspected b"])
  })

  it("a failed dial of a member with a link, of a candidate or of an unknown name suspects no peer", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, update(c))
    for (const peer of [b, c, d]) expect(eventsOf(failDial(a, 1_100, peer))).toStrictEqual([])
  })

  it("ends when others have a newer alive record of the peer, and the next probe round waits for a while", () => {
    const a = linkedTo([b, c])
    makeUnreachable(a, 1_000, b, c)
    expect(eventsOf(a.hear(2_000, c, update(claim(b, "alive", 1))))).toStrictEqual(["Recovered b"])
    expect(a.state().view.peers.get("b")?.link).toBe("indirect")
    expect(eventsOf(failDial(a, 2_999, b))).toStrictEqual([])
    expect(eventsOf(a.until(2_999, [c]))).toStrictEqual([])
    expect(framesOf(a.until(3_000, [c]), "ProbeRequest")).toHaveLength(1)
    expect(eventsOf(a.until(5_999, [c]))).toStrictEqual([])
    expect(eventsOf(a.until(6_000, [c]))).toStrictEqual(["Suspected b"])
  })
})

describe("R5: the end of a suspicion", () => {
  it("counts the refused connections of other accusers, and this node's own only in its own name", () => {
    const a = linkedTo([b, c, d, e])
    makeUnreachable(a, 1_000, b, c, d, e)
    for (const [by, saw] of [
      [e, false],
      [c, true],
      [d, true],
    ] as const) {
      a.hear(1_500, by, update({ ...claim(b, "suspect", 0, by.name), ...(saw ? { refused: true } : {}) }))
    }
    // Two of the four accusers saw a refused connection: half of suspicionMin.
    expect(eventsOf(a.until(1_999, [c, d, e]))).toStrictEqual([])
    const outputs = a.until(2_020, [c, d, e])
    expect(eventsOf(outputs)).toStrictEqual(["Failed b"])
    expect(recordsSent(outputs, "b").find(({ by }) => by === "a")).not.toHaveProperty("refused")
  })

  it("a stall never makes a suspicion shorter", () => {
    const a = linkedTo([b, c, d, e])
    makeUnreachable(a, 1_000, b, c, d, e)
    a.at(1_100, { _tag: "Tick", stalled: true })
    // The suspicion had twelve seconds left, and keeps them.
    expect(eventsOf(a.until(12_999, [c, d, e]))).toStrictEqual([])
    expect(eventsOf(a.until(13_000, [c, d, e]))).toStrictEqual(["Failed b"])
    const held = linkedTo([b, c])
    held.hear(1_000, c, update(claim(b, "suspect", 0, "c")))
    held.at(2_900, { _tag: "Tick", stalled: true })
    // The refutation may have arrived unread, so the accusation is withheld for suspicionMin again.
    expect(eventsOf(held.until(4_899))).toStrictEqual([])
    expect(eventsOf(held.until(4_900))).toStrictEqual(["Suspected b"])
  })

  it("members whose answers a stall delayed get their full time again", () => {
    const a = linkedTo([b, c])
    loseLink(a, 1_000, b)
    failDial(a, 1_000, b)
    a.at(5_000, { _tag: "Tick", stalled: true })
    expect(statusInView(a, "b")).toBe("alive")
    expect(eventsOf(a.until(5_999))).toStrictEqual([])
    expect(eventsOf(answerProbes(a, 5_999, b, "up", c))).toStrictEqual(["Unreachable b"])
  })

  it("comes after suspicionMin without other members", () => {
    const a = linkedTo([b])
    makeUnreachable(a, 1_000, b)
    expect(eventsOf(a.until(2_999))).toStrictEqual([])
    expect(eventsOf(a.until(3_000))).toStrictEqual(["Failed b"])
    expect(a.state().view.peers.size).toBe(0)
  })

  it("comes after suspicionMax without confirmation, and the failure is gossiped", () => {
    const a = linkedTo([b, c, d])
    makeUnreachable(a, 1_000, b, c, d)
    expect(eventsOf(a.until(12_999, [c, d]))).toStrictEqual([])
    const outputs = a.until(13_100, [c, d])
    expect(eventsOf(outputs)).toStrictEqual(["Failed b"])
    expect(recordsSent(outputs, "b")).toMatchObject([{ status: "failed", by: "a" }])
  })

  it("each further accuser shortens the suspicion, and counts once", () => {
    const a = linkedTo([b, c, d, e])
    makeUnreachable(a, 1_000, b, c, d, e)
    const due = () => {
      const member = a.state().members.get("b")
      return member === undefined ? undefined : State.suspicionDeadline(a.state(), member)
    }
    expect(due()).toBe(13_000)
    a.hear(1_500, c, update(claim(b, "suspect", 0, "c")))
    expect(due()).toBeCloseTo(13_000 - (10_000 * Math.log(2)) / Math.log(4), 6)
    a.hear(1_600, d, update(claim(b, "suspect", 0, "c")))
    expect(due()).toBeCloseTo(13_000 - (10_000 * Math.log(2)) / Math.log(4), 6)
    // Without `by` the sender is the accuser.
    a.hear(1_700, d, update(claim(b, "suspect", 0)))
    a.hear(1_800, e, update(claim(b, "suspect", 0, "e")))
    expect(due()).toBe(3_000)
    expect(eventsOf(a.until(3_000, [c, d, e]))).toStrictEqual(["Failed b"])
  })

  it("accusers beyond the number that shortens the timer are neither kept nor relayed", () => {
    const peers = Array.from({ length: 20 }, (_, i) => recordOf(`p${i}`))
    const a = linkedTo([b, ...peers])
    makeUnreachable(a, 1_000, b, ...peers)
    a.until(1_100)
    const outputs = peers.flatMap((peer) => [
      ...a.hear(1_200, peer, update(claim(b, "suspect", 0, peer.name))),
      ...a.until(1_300),
    ])
    expect(suspicionOf(a, "b")?.accusers.size).toBe(4)
    expect(recordsSent(outputs, "b").map(({ by }) => by)).toStrictEqual(["p0", "p1", "p2"])
  })

  it("an accusation of a new incarnation starts a new suspicion", () => {
    const a = linkedTo([b, c, d])
    makeUnreachable(a, 1_000, b, c, d)
    a.hear(9_000, c, update(claim(b, "suspect", 1, "c")))
    // This node asks again, and accuses the peer too.
    const due = 9_000 + 12_000 - 10_000 * (Math.log(2) / Math.log(3))
    expect(eventsOf(a.until(due - 1, [c, d]))).toStrictEqual([])
    expect(eventsOf(a.until(due, [c, d]))).toStrictEqual(["Failed b"])
  })

  it("waits for the answers of others, but not for this node's own dial that does not end", () => {
    const a = linkedTo([b, c, d])
    loseLink(a, 1_000, b)
    answerProbes(a, 1_100, b, "down", c, d)
    expect(eventsOf(a.until(2_000, [c, d]))).toStrictEqual(["Suspected b"])
    expect(eventsOf(a.until(13_999, [c, d]))).toStrictEqual([])
    expect(eventsOf(a.until(14_000, [c, d]))).toStrictEqual(["Failed b"])
  })

  it("does not come while some member reaches the peer; the suspicion restarts", () => {
    const a = linkedTo([b, c])
    makeUnreachable(a, 1_000, b, c)
    const requests = framesOf(a.until(13_000), "ProbeRequest")
    expect(requests).toHaveLength(1)
    expect(eventsOf(answerProbes(a, 13_100, b, "up", c))).toStrictEqual(["Unreachable b"])
    expect(a.state().view.peers.get("b")).toMatchObject({ status: "suspect", link: "indirect" })
    expect(eventsOf(a.until(25_099, [c]))).toStrictEqual([])
    expect(eventsOf(a.until(25_100, [c]))).toStrictEqual(["Unreachable b", "Failed b"])
  })

  it("does not come at once on a node that stalled", () => {
    const a = linkedTo([b, c])
    makeUnreachable(a, 1_000, b, c)
    a.at(20_000, { _tag: "Tick", stalled: true })
    expect(a.state().health).toBe(1)
    expect(statusInView(a, "b")).toBe("suspect")
    expect(eventsOf(a.until(21_999, [c]))).toStrictEqual([])
  })
})

describe("R6: an accusation by others", () => {
  it("of a member without a link starts this node's own timer", () => {
    const a = linkedTo([b, c, d])
    loseLink(a, 1_000, b)
    answerProbes(a, 1_000, b, "up", d)
    const outputs = [...a.hear(1_500, c, update(claim(b, "failed", 0, "c"))), ...a.until(1_600)]
    expect(eventsOf(outputs)).toStrictEqual(["Suspected b"])
    expect(recordsSent(outputs, "b")).toMatchObject([{ status: "failed", by: "c" }])
    failDial(a, 1_700, b)
    expect(eventsOf(a.until(1_999, [c, d]))).toStrictEqual([])
    // One of them reached b. This node asks again after the pause, and now accuses b too.
    expect(eventsOf(a.until(2_000, [c, d]))).toStrictEqual(["Unreachable b"])
    // A failed b does not count: of three, two accusers shorten the timer to suspicionMin.
    expect(eventsOf(a.until(3_499, [c, d]))).toStrictEqual([])
    expect(eventsOf(a.until(3_500, [c, d]))).toStrictEqual(["Failed b"])
  })

  it("of a member with a link is sent to the member, gossiped, and withheld from the application", () => {
    const a = linkedTo([b, c])
    const outputs = [...a.hear(1_000, c, update(claim(b, "suspect", 0, "c"))), ...a.until(1_900)]
    expect(eventsOf(outputs)).toStrictEqual([])
    expect(framesOf(outputs, "YouAre")).toMatchObject([{ to: ["b"], frame: { incarnation: 0, status: "suspect" } }])
    expect(recordsSent(outputs, "b")).toMatchObject([{ status: "suspect", by: "c" }])
    expect(statusInView(a, "b")).toBe("alive")
  })

  it("in many incarnations at once is sent and gossiped in the newest incarnation", () => {
    const a = linkedTo([b, c, d])
    const accusations = Array.from({ length: 100 }, (_, i) => claim(c, "suspect", i, `x${i}`))
    const outputs = [...a.hear(1_000, b, update(...accusations)), ...a.until(1_020)]
    expect(framesOf(outputs, "YouAre")).toMatchObject([{ to: ["c"], frame: { incarnation: 99, status: "suspect" } }])
    expect(recordsSent(outputs, "c")).toMatchObject([{ incarnation: 99, by: "x99" }])
  })

  it("that is refuted in time is never published to the application", () => {
    const a = linkedTo([b, c])
    a.hear(1_000, c, update(claim(b, "suspect", 0, "c")))
    expect(eventsOf(a.hear(2_999, b, update(claim(b, "alive", 1))))).toStrictEqual([])
    expect(eventsOf(a.until(60_000))).toStrictEqual([])
  })

  it("that is not refuted is published after suspicionMin, and never fails a member with a link", () => {
    const a = linkedTo([b, c])
    a.hear(1_000, c, update(claim(b, "failed", 0, "c")))
    expect(eventsOf(a.until(2_999))).toStrictEqual([])
    expect(eventsOf(a.until(3_000))).toStrictEqual(["Suspected b"])
    const outputs = a.until(60_000)
    expect(eventsOf(outputs)).toStrictEqual([])
    expect(framesOf(outputs, "YouAre").length).toBeGreaterThan(1)
  })

  it("that is withheld is published when the link is lost, and then fails the member", () => {
    const a = linkedTo([b, c])
    a.hear(1_000, c, update(claim(b, "suspect", 0, "c")))
    expect(eventsOf(loseLink(a, 1_500, b))).toStrictEqual(["Suspected b", "Unreachable b"])
    expect(eventsOf(a.until(60_000))).toStrictEqual(["Failed b"])
  })

  it("that was published counts for suspicionMin once the link ends for silence, and not if it ends otherwise", () => {
    for (const [silent, fails] of [
      [true, true],
      [false, false],
    ] as const) {
      const node = linkedTo([b, c, d, e])
      for (const by of ["c", "d", "e", "f"]) node.hear(1_000, c, update(claim(b, "suspect", 0, by)))
      // The live link restarts the timer at 3 seconds.
      node.until(3_200, [c, d, e])
      node.at(3_300, { _tag: "LinkDown", peer: b, code: undefined, silent })
      answerProbes(node, 3_300, b, "down", c, d, e)
      expect(standingOf(node, "b")).toBe(fails ? "Failed" : "Suspect")
      node.until(6_000, [c, d, e])
      expect(standingOf(node, "b")).toBe("Failed")
    }
  })

  it("that is older than the known record changes nothing", () => {
    const a = linkedTo([claim(b, "alive", 2), c])
    const before = a.state()
    expect(a.hear(1_000, c, update(claim(b, "suspect", 1, "c")))).toStrictEqual([])
    expect(a.state().members).toBe(before.members)
  })

  it("of an unknown name is stored, and sent to the peer in the handshake", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, update(claim(c, "failed", 4, "b")))
    expect(State.belief(a.state(), "c", c.generation)).toStrictEqual({
      generation: c.generation,
      incarnation: 4,
      status: "failed",
    })
    expect(State.belief(a.state(), "c", c.generation + 1)).toBeUndefined()
    expect(eventsOf(a.meet(1_100, claim(c, "alive", 5)))).toStrictEqual(["Joined c"])
    expect(suspicionOf(a, "c")).toBeUndefined()
  })

  it("does not replace the body of its incarnation", () => {
    const a = linkedTo([b, c])
    a.hear(1_000, c, update({ ...claim(b, "failed", 0, "c"), body: State.emptyBody }))
    expect(a.state().members.get("b")?.record.body).toStrictEqual(b.body)
    expect(recordsSent(a.until(1_100), "b")).toMatchObject([{ body: b.body }])
  })

  it("that contains a newer body changes the metadata at once", () => {
    const a = linkedTo([b, c])
    const newer: PeerRecord.PeerRecord = { ...claim(b, "suspect", 1, "c"), body: bodyOf("b", { v: "2" }) }
    expect(eventsOf(a.hear(1_000, c, update(newer)))).toStrictEqual(["MetadataChanged b"])
    expect(a.state().view.peers.get("b")?.metadata).toStrictEqual({ v: "2" })
  })

  it("of a failed member fails it in the new incarnation, without an event", () => {
    const a = linkedTo([b, c])
    makeUnreachable(a, 1_000, b, c)
    a.until(20_000, [c])
    const without = a.state().viewHash
    expect(eventsOf(a.hear(21_000, c, update(claim(b, "suspect", 3, "c"))))).toStrictEqual([])
    expect(a.state().viewHash).not.toBe(without)
    expect(eventsOf(a.until(60_000))).toStrictEqual([])
    expect(a.state().members.get("b")?.record).toMatchObject({ incarnation: 3, status: "failed" })
    expect(a.state().viewHash).toBe(without)
  })
})

describe("a member that this node disconnected", () => {
  it("is failed only if others fail it", () => {
    const a = linkedTo([b, c])
    a.at(1_000, { _tag: "Disconnect", name: "b" })
    loseLink(a, 1_000, b)
    a.hear(2_000, c, update(claim(b, "suspect", 0, "c")))
    const outputs = a.until(120_000, [c])
    expect(recordsSent(outputs, "b").filter(({ by }) => by === "a")).toStrictEqual([])
    expect(a.state().members.get("b")?.record.status).toBe("suspect")
    a.hear(120_000, c, update(claim(b, "failed", 0, "c")))
    const later = a.until(240_000, [c])
    expect(eventsOf(later)).toStrictEqual([])
    expect(recordsSent(later, "b").filter(({ by }) => by === "a")).toStrictEqual([])
    expect(localStatusOf(a, "b")).toBe("failed")
    expect(a.state().members.get("b")).toMatchObject({ record: { status: "failed" } })
  })
})

describe("R10: failed members", () => {
  const failed = () => {
    const a = linkedTo([b, c])
    makeUnreachable(a, 1_000, b, c)
    a.until(13_000, [c])
    return a
  }

  it("are dialed for reconnectWindow, and then have a tombstone", () => {
    const a = failed()
    a.until(13_000 + 24 * 3_600_000 - 1)
    expect(dialTargets(a.state()).get("b")?.kind).toBe("failed")
    a.until(13_000 + 24 * 3_600_000)
    expect(dialTargets(a.state()).size).toBe(0)
    expect(a.state().tombstones.get("b")?.status).toBe("failed")
  })

  it("recover by the refutation within the handshake", () => {
    const a = failed()
    expect(State.belief(a.state(), "b", b.generation)).toMatchObject({ incarnation: 0, status: "failed" })
    expect(eventsOf(a.meet(20_000, claim(b, "alive", 1)))).toStrictEqual(["Recovered b"])
  })

  it("are informed of their failure even when only a tombstone is left", () => {
    const a = failed()
    a.until(13_000 + 24 * 3_600_000)
    expect(State.belief(a.state(), "b", b.generation)).toMatchObject({ incarnation: 0, status: "failed" })
  })

  it("recover with a link even if the accusation came after the handshake", () => {
    const a = failed()
    const outputs = a.meet(20_000, b)
    expect(eventsOf(outputs)).toStrictEqual(["Recovered b"])
    expect(framesOf(outputs, "YouAre")).toMatchObject([{ frame: { status: "failed" } }])
    expect(eventsOf(a.until(21_000))).toStrictEqual([])
  })
})

describe("the transition table", () => {
  type State = "Alive" | "Withheld" | "Overruled" | "Suspect" | "Failed"
  interface Case {
    readonly node: Node
    /** Time of the event. */
    now: number
  }

  /** Puts the member b of the node a into a state. The node a has a link to c. */
  const start = (state: State, withLink: boolean): Case => {
    const node = linkedTo([b, c])
    if (withLink) {
      if (state === "Withheld" || state === "Suspect") node.hear(1_000, c, update(claim(b, "suspect", 0, "c")))
      if (state === "Suspect") node.until(3_000)
      if (state === "Overruled") makeUnreachable(node, 1_000, b, c)
      if (state === "Overruled") node.meet(3_000, b)
    } else if (state === "Overruled") {
      makeUnreachable(node, 1_000, b, c)
      node.meet(1_500, b)
      loseLink(node, 3_000, b)
    } else if (state === "Alive") {
      loseLink(node, 3_000, b)
    } else {
      makeUnreachable(node, 1_000, b, c)
      if (state === "Failed") node.until(13_000, [c])
    }
    expect([standingOf(node, "b"), linkOf(node, "b") === "up"]).toStrictEqual([state, withLink])
    return { node, now: state === "Failed" ? 13_000 : 3_000 }
  }

  const events = {
    "link lost": ({ node, now }: Case) => loseLink(node, now, b),
    "another member reaches it": ({ node, now }: Case) => {
      failDial(node, now, b)
      node.until(13_000)
      expect(answerProbes(node, Math.max(13_000, now), b, "up", c)).toBeDefined()
    },
    "nobody reaches it": ({ node, now }: Case) => {
      failDial(node, now, b)
      answerProbes(node, now, b, "down", c)
    },
    "end of the suspicion": ({ node }: Case) => node.until(60_000, [c]),
    accusation: ({ node, now }: Case) => node.hear(now, c, update(claim(b, "suspect", 1, "c"))),
    "publishAt is reached": ({ node }: Case) => node.until(3_000),
    "alive record": ({ node, now }: Case) => node.hear(now, c, update(claim(b, "alive", 1))),
    "link up, refuted": ({ node, now }: Case) => node.meet(now, claim(b, "alive", 1)),
    "link up, still accused": ({ node, now }: Case) => node.meet(now, b),
  }

  it.each<readonly [State, "with" | "without", keyof typeof events, State]>([
    ["Alive", "with", "link lost", "Alive"],
    ["Withheld", "with", "link lost", "Suspect"],
    ["Overruled", "with", "link lost", "Overruled"],
    ["Suspect", "with", "link lost", "Suspect"],
    ["Suspect", "without", "another member reaches it", "Suspect"],
    ["Alive", "without", "nobody reaches it", "Suspect"],
    ["Overruled", "without", "nobody reaches it", "Suspect"],
    ["Suspect", "without", "nobody reaches it", "Suspect"],
    ["Suspect", "without", "end of the suspicion", "Failed"],
    ["Failed", "without", "end of the suspicion", "Failed"],
    ["Overruled", "with", "end of the suspicion", "Overruled"],
    ["Suspect", "with", "end of the suspicion", "Suspect"],
    ["Alive", "with", "accusation", "Withheld"],
    ["Withheld", "with", "accusation", "Withheld"],
    ["Overruled", "with", "accusation", "Withheld"],
    ["Suspect", "with", "accusation", "Suspect"],
    ["Alive", "without", "accusation", "Suspect"],
    ["Overruled", "without", "accusation", "Suspect"],
    ["Suspect", "without", "accusation", "Suspect"],
    ["Failed", "without", "accusation", "Failed"],
    ["Withheld", "with", "publishAt is reached", "Suspect"],
    ["Alive", "with", "alive record", "Alive"],
    ["Withheld", "with", "alive record", "Alive"],
    ["Overruled", "with", "alive record", "Alive"],
    ["Suspect", "with", "alive record", "Alive"],
    ["Suspect", "without", "alive record", "Alive"],
    ["Failed", "without", "alive record", "Alive"],
    ["Alive", "without", "link up, refuted", "Alive"],
    ["Suspect", "without", "link up, refuted", "Alive"],
    ["Failed", "without", "link up, refuted", "Alive"],
    ["Suspect", "without", "link up, still accused", "Overruled"],
    ["Overruled", "without", "link up, still accused", "Overruled"],
    ["Failed", "without", "link up, still accused", "Overruled"],
  ])("%s %s a link, %s: %s", (from, link, event, to) => {
    const run = start(from, link === "with")
    events[event](run)
    expect(standingOf(run.node, "b")).toBe(to)
  })
})

/** Reports of users of other presence systems, as scenarios over TCP. The simulation has the same and many more. */
import { Cluster } from "@coterie/core/Cluster"
import * as OwnedMap from "@coterie/state/OwnedMap"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { encode, format } from "../../src/internal/replication/messages.ts"
import { usedMemory } from "../usedMemory.ts"
import * as Nodes from "./Nodes.ts"

const keysOf = (...prefixes: ReadonlyArray<string>): ReadonlyArray<string> =>
  prefixes.flatMap((prefix) => Nodes.names(prefix, Nodes.keyCount))

const everything = keysOf("a", "b", "c", "w")

/** Waits until these nodes list these keys. */
const untilAll = (nodes: Iterable<Nodes.Node>, keys: ReadonlyArray<string>) =>
  Effect.forEach(nodes, ({ users }) => Nodes.untilKeys(users, keys), { concurrency: "unbounded", discard: true })

describe("over TCP, a presence", () => {
  it.layer(Nodes.layer, { excludeTestServices: true })((it) => {
    it.effect("lists the keys of both sides that had 500 each before they met", () =>
      Effect.gen(function* () {
        const { a, b, c, w } = yield* Nodes.Nodes
        yield* untilAll([a, b], keysOf("a", "b"))
        yield* untilAll([c, w], keysOf("c", "w"))
        const folded = yield* Nodes.follow(a.users)
        yield* a.cluster.join(c.address)
        yield* untilAll([a, b, c, w], everything)
        assert.deepStrictEqual([folded.left, folded.wrong], [[], []])
      }).pipe(Effect.scoped),
    )

    it.effect("sends the keys of the others once to a node that restarts, and then nothing", () =>
      Effect.gen(function* () {
        const nodes = yield* Nodes.Nodes
        const { a, b, metrics, w } = nodes
        const sum = (id: string, labels = {}) =>
          ["a", "b", "c", "w"].reduce((total, name) => total + metrics.sum(name, id, labels), 0)
        const sent = () => sum("coterie_state_parts_total") + sum("coterie_state_requests_total")
        yield* nodes.b.stop
        yield* untilAll([a, nodes.c, w], keysOf("a", "c", "w"))
        const snapshots = sum("coterie_state_batches_total", { kind: "full" })
        nodes.b = yield* nodes.start("b", [a.address])
        yield* untilAll([nodes.b], keysOf("a", "c", "w"))
        assert.notStrictEqual(nodes.b, b)
        // Each of the three nodes sends its keys to the new one, which sends the few that it has. An answer that overtakes the news that its reader reads is repeated.
        assert.include([6, 7, 8, 9], sum("coterie_state_batches_total", { kind: "full" }) - snapshots)
        yield* nodes.b.keep(Nodes.names("b", Nodes.keyCount))
        yield* untilAll([a, nodes.b, nodes.c, w], everything)
        const before = sent()
        yield* Effect.sleep("500 millis")
        assert.strictEqual(sent(), before)
      }),
    )

    it.effect("keeps the keys of a node to which the link is cut for long, and gets a delta after it", () =>
      Effect.gen(function* () {
        const { a, b, c, metrics } = yield* Nodes.Nodes
        const folded = yield* Nodes.follow(a.users)
        yield* Nodes.cut(a, b)
        yield* Nodes.untilOwner(a.users, "b", "stale")
        yield* b.keep(["late"])
        yield* Nodes.untilKeys(c.users, [...everything, "late"])
        // A node that no other member reaches would have failed by then.
        yield* Effect.sleep(1.2 * Nodes.failureMillis)
        assert.strictEqual((yield* a.users.owners).get("b")?.state, "stale")
        const full = metrics.sum("b", "coterie_state_batches_total", { kind: "full" })
        assert.isAbove(full, 0)
        yield* Effect.andThen(a.line.mend, b.line.mend)
        yield* untilAll([a], [...everything, "late"])
        yield* Nodes.untilOwner(a.users, "b", "live")
        assert.strictEqual(metrics.sum("b", "coterie_state_batches_total", { kind: "full" }), full)
        assert.deepStrictEqual(folded.tags, ["Snapshot", "Joined"])
      }).pipe(Effect.scoped),
    )

    it.effect("lets no key leave at a node that is isolated", () =>
      Effect.gen(function* () {
        const { a, b, c, w } = yield* Nodes.Nodes
        const others = [a, b, c]
        yield* Nodes.untilKeys(w.users, [...everything, "late"])
        const bob = yield* Scope.make()
        yield* Scope.provide(a.users.track("bob", ""), bob)
        yield* Nodes.untilKeys(w.users, [...everything, "late", "bob"])
        const folded = yield* Nodes.follow(w.users)
        yield* Effect.forEach(others, (other) => Nodes.cut(w, other))
        yield* Nodes.untilView(w, ({ isolated, peers }) => isolated && peers.size === 0)
        yield* untilAll(others, [...keysOf("a", "b", "c"), "late", "bob"])
        yield* Scope.close(bob, Exit.void)
        yield* untilAll(others, [...keysOf("a", "b", "c"), "late"])
        // Without a grace, a key that leaves has left in the step in which its node failed.
        assert.deepStrictEqual(folded.left, [])
        const leaving = [...(yield* w.users.list).values()].filter((present) => present.leaving)
        assert.lengthOf(leaving, 3 * Nodes.keyCount + 2)
        yield* Effect.forEach([w, ...others], ({ line }) => line.mend)
        yield* untilAll([w, ...others], [...everything, "late"])
        // The first link ends the isolation, and without a grace the keys of the nodes behind the other links leave then.
        assert.include(folded.left, "bob")
        assert.deepStrictEqual(folded.wrong, [])
      }).pipe(Effect.scoped),
    )
  })
})

describe("over TCP, a map", () => {
  it.layer(Nodes.layer, { excludeTestServices: true })((it) => {
    it.effect(
      "has the entries of the present opening at a node that opens it late, closes it, and opens it again",
      () =>
        Effect.gen(function* () {
          const { a, b } = yield* Nodes.Nodes
          const open = (node: Nodes.Node, name: string) =>
            OwnedMap.make(name, { key: Schema.String, value: Schema.String }).pipe(
              Effect.provideService(Cluster, node.cluster),
            )
          const texts = ({ view }: OwnedMap.OwnedMap<string, string>) =>
            Effect.map(view, ({ entries }) =>
              entries.map(({ key, owner, value }) => `${owner.name} ${key} ${value}`).sort(),
            )
          const untilTexts = (map: OwnedMap.OwnedMap<string, string>, expected: ReadonlyArray<string>) =>
            Effect.gen(function* () {
              while (String(yield* texts(map)) !== String(expected)) yield* Effect.sleep("5 millis")
            })
          const here = yield* open(a, "late")
          yield* here.set("x", "first")
          for (const round of ["one", "two", "three"]) {
            // Each opening counts its changes from the start, so the versions are those of the opening before.
            yield* Effect.gen(function* () {
              const there = yield* open(b, "late")
              yield* there.set("x", round)
              yield* there.set(round, "y")
              yield* there.synced
              yield* untilTexts(there, ["a x first", `b ${round} y`, `b x ${round}`])
              yield* untilTexts(here, ["a x first", `b ${round} y`, `b x ${round}`])
            }).pipe(Effect.scoped)
            // Later, the node that closes it is not missed before it opens it again.
            if (round === "one") yield* untilTexts(here, ["a x first"])
          }
          // Both nodes open a map at the same time.
          const [first, second] = yield* Effect.all([open(a, "both"), open(b, "both")], { concurrency: 2 })
          yield* first.set("x", "")
          yield* second.set("x", "")
          for (const map of [first, second]) yield* untilTexts(map, ["a x ", "b x "])
        }).pipe(Effect.scoped),
    )

    it.effect("keeps no old entries for a peer that does not read, however often all entries change", () =>
      Effect.gen(function* () {
        const { a, b, metrics } = yield* Nodes.Nodes
        const [entryCount, valueBytes] = [100, 5_000]
        const map = yield* OwnedMap.make("files", { key: Schema.String, value: Schema.String }).pipe(
          Effect.provideService(Cluster, a.cluster),
        )
        const lane = yield* b.cluster.lane("coterie.state/files", {
          format: `${format} ${b.cluster.serialization.format}`,
        })
        // The lane is open, and nobody takes its messages.
        yield* lane.open()
        yield* Nodes.until(lane.readerChanges, (readers) => readers.some(({ name }) => name === "a"))
        const change = (round: number) =>
          map.setAll(
            Array.from(
              { length: entryCount },
              (_, i) => [`file-${i}`, `${round}`.padEnd(valueBytes, `${i} `)] as const,
            ),
          )
        yield* change(0)
        yield* lane.send("a", encode({ _tag: "Want", nonce: 1, epoch: 0, version: 0 }))
        const behind = () => metrics.value("a", "coterie_state_behind", { map: "files" })
        let before = 0
        for (let round = 1; round <= 20; round++) {
          yield* change(round)
          // In the second half, the peer also asks for everything again.
          if (round > 10) yield* lane.send("a", encode({ _tag: "Want", nonce: round, epoch: 0, version: 0 }))
          yield* Effect.sleep("20 millis")
          if (round === 5) before = yield* usedMemory
        }
        assert.isBelow((yield* usedMemory) - before, 5 * entryCount * valueBytes)
        assert.isAbove(behind(), 10)
      }).pipe(Effect.scoped),
    )
  })
})

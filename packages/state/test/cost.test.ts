/**
 * Work of one step, in entries that it visits, copies, sends or shows. The work of a change must not grow with the
 * number of entries, and a part of a snapshot must cost what it contains.
 */
import { Cluster } from "@coterie/core/Cluster"
import type { PeerId } from "@coterie/core/Peer"
import * as OwnedMap from "@coterie/state/OwnedMap"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as World from "../../core/test/cluster/world.ts"
import { countCopies } from "../../core/test/internal/countCopies.ts"
import { countVisits } from "../../core/test/internal/countVisits.ts"
import { defaults, Overrides } from "../src/internal/Overrides.ts"
import type { Entry } from "../src/internal/Service.ts"
import { encodeKey, PresenceTable, sliceSize } from "../src/internal/presence/PresenceTable.ts"
import { Cursors } from "../src/internal/replication/Cursors.ts"
import { decode, encode, itemOverhead, type Part } from "../src/internal/replication/messages.ts"
import { MirrorEntries } from "../src/internal/replication/MirrorEntries.ts"
import { Mirrors, type Options as MirrorsOptions } from "../src/internal/replication/Mirrors.ts"
import { OwnEntries } from "../src/internal/replication/OwnEntries.ts"

/** Numbers of entries that are compared. */
const [few, many] = [100, 10_000]

const partBytes = 1_000
const me = { name: "o", generation: 1 }
const bounds = { entries: 2 * many, bytes: 1_000 * many }

const setting = (text: string) => ({ bytes: new TextEncoder().encode(text), entry: text })

/** Returns the entries of maps that a function copies, and those that it visits. */
const work = (run: () => void) => {
  let visited = 0
  const copied = countCopies(() => {
    visited = countVisits(run)
  })
  return { copied, visited }
}

/** Runs a function, and returns the number of entries that it writes into copies. */
const countWrites = (run: () => void): number => {
  let written = 0
  const { set } = MirrorEntries.prototype
  MirrorEntries.prototype.set = function (...args) {
    written++
    return set.apply(this, args)
  }
  try {
    run()
  } finally {
    MirrorEntries.prototype.set = set
  }
  return written
}

/** Counts the steps from an entry to the one before it, in the list of the own entries. */
const countSteps = (entries: OwnEntries<string>) => {
  let steps = 0
  for (const cell of entries.all()) {
    let older: unknown = Reflect.get(cell, "older")
    Object.defineProperty(cell, "older", {
      configurable: true,
      get: () => {
        steps++
        return older
      },
      set: (next) => {
        older = next
      },
    })
  }
  return () => steps
}

/** An owner with entries, and the parts for its reader. */
const makeOwner = (count: number) => {
  const entries = new OwnEntries<string>({ ...bounds, removals: 10 })
  entries.change(new Map(Array.from({ length: count }, (_, i) => [`key ${i}`, setting("before")])))
  const cursors = new Cursors({ entries, epoch: 7, partBytes, messageBytes: 16_777_216, count: () => {} })
  const parts = (): ReadonlyArray<Part> => {
    const made: Array<Part> = []
    for (let part = cursors.next("r"); part !== undefined; part = cursors.next("r")) made.push(part)
    cursors.rest("r", 0)
    return made
  }
  return { cursors, entries, parts }
}

/** An owner whose reader has all entries. */
const readOwner = (count: number) => {
  const owner = makeOwner(count)
  /** Returns the parts with all entries. */
  const all = () => {
    owner.cursors.want({ name: "r", generation: 1 }, { _tag: "Want", nonce: 101, epoch: 0, version: 0 }, 0)
    return owner.parts()
  }
  return { ...owner, all, snapshot: all() }
}

/** A reader that has asked the owner. */
const makeReader = () => {
  const mirrors = new Mirrors<string>({
    bounds,
    syncMillis: 60_000,
    nonce: 100,
    decode: (_owner, _key, value) => new TextDecoder().decode(value),
    count: () => {},
  })
  mirrors.memberChanged({ ...me, status: "alive", link: "up" }, 0)
  mirrors.readersChanged([{ ...me, session: 1, opening: 1 }], 0)
  mirrors.next(me.name)
  mirrors.take()
  return mirrors
}

const steps = {
  set: new Map([["key 5", setting("after")]]),
  add: new Map([["new", setting("after")]]),
  remove: new Map([["key 6", undefined]]),
}

describe("the work of a change", () => {
  it("does not grow with the entries of the owner", () => {
    const cost = (count: number) => {
      const { cursors, entries, parts } = readOwner(count)
      const walked = countSteps(entries)
      return Object.entries(steps).map(([name, changes]) => {
        let [items, bytes] = [0, 0]
        const before = walked()
        const { copied, visited } = work(() => {
          assert.isTrue(Result.isSuccess(entries.change(changes)))
          for (const part of parts()) {
            items += part.items.length
            bytes += encode(part).length
          }
        })
        assert.strictEqual(cursors.behindOf("r"), 0)
        assert.isBelow(bytes, 50)
        return { name, items, copied, visited, walked: walked() - before }
      })
    }
    assert.deepStrictEqual(cost(many), cost(few))
    const { entries } = readOwner(many)
    const walked = countSteps(entries)
    entries.since(0)
    assert.strictEqual(walked(), many, "the steps are counted")
  })

  it("does not grow with the entries of a reader", () => {
    const cost = (count: number) => {
      const { entries, parts, snapshot } = readOwner(count)
      const mirrors = makeReader()
      for (const part of snapshot) mirrors.received(me, part, 0)
      assert.strictEqual(mirrors.take().changes.length, count)
      return Object.entries(steps).map(([name, changes]) => {
        entries.change(changes)
        const bytes = parts().map(encode)
        let shown = 0
        const { copied, visited } = work(() => {
          for (const message of bytes.map(decode)) {
            if (Result.isSuccess(message) && message.success._tag === "Part") mirrors.received(me, message.success, 0)
          }
          shown = mirrors.take().changes.length
        })
        assert.strictEqual(shown, 1)
        return { name, copied, visited }
      })
    }
    assert.deepStrictEqual(cost(many), cost(few))
  })

  World.simulated("does not grow with the entries of an owned map, up to the subscribers", (world) =>
    Effect.gen(function* () {
      const a = yield* world.node("a")
      const open = (name: string) =>
        Effect.provideService(OwnedMap.make(name, { key: Schema.String, value: Schema.String }), Cluster, a.cluster)
      const cost = Effect.fnUntraced(function* (count: number) {
        const map = yield* open(`of ${count}`)
        yield* map.setAll(Array.from({ length: count }, (_, i) => [`key ${i}`, "before"] as const))
        const context = yield* Effect.context()
        const run = Effect.runSyncWith(context)
        return [
          work(() => run(map.set("key 5", "after"))),
          work(() => run(map.set("new", "after"))),
          work(() => run(map.update("key 5", () => "later"))),
          work(() => run(map.remove("key 6"))),
          work(() => run(map.batch({ set: [["key 7", "after"]], remove: ["key 8"] }))),
          work(() => run(map.get("key 5"))),
          work(() => run(Effect.scoped(Effect.asVoid(map.entry("scoped", "after"))))),
        ]
      })
      assert.deepStrictEqual(yield* cost(many), yield* cost(few))
    }),
  )

  it("does not grow with the keys of a presence", () => {
    const cost = (count: number) => {
      const table = new PresenceTable<string>(5_000)
      const entry = (key: string, ref: number, value: string): Entry<string, string> => {
        const encodedKey = encodeKey(key, ref)
        return { owner: me, key: encodedKey, encodedKey, value }
      }
      const set = (of: Entry<string, string>) => ({ _tag: "Set", entry: of, previous: Option.none() }) as const
      const before = Array.from({ length: count }, (_, i) => entry(`key ${i}`, 1, "before"))
      table.step(before.map(set), "synced", 0)
      // Keys that are leaving already.
      const removed = (of: Entry<string, string>) => ({ _tag: "Removed", entry: of, why: "removed" }) as const
      table.step(before.slice(count / 2).map(removed), "synced", 0)
      return [
        work(() => table.step([set(entry("new", 1, "after"))], "synced", 1)),
        work(() => table.step([set(entry("key 5", 1, "after"))], "synced", 2)),
        work(() => table.step(before.slice(6, 7).map(removed), "synced", 3)),
        work(() => table.tick(4)),
        work(() => table.dueAt()),
      ]
    }
    assert.deepStrictEqual(cost(many), cost(few))
  })
})

describe("the work of a snapshot", () => {
  it("is one walk of the owner through its entries, and then for each part no more than the part has", () => {
    const { cursors, entries } = makeOwner(many)
    const walked = countSteps(entries)
    cursors.want({ name: "r", generation: 1 }, { _tag: "Want", nonce: 101, epoch: 0, version: 0 }, 0)
    cursors.next("r")
    assert.strictEqual(walked(), many)
    let sent = 0
    for (;;) {
      let bytes = 0
      const { copied, visited } = work(() => {
        const part = cursors.next("r")
        if (part !== undefined) bytes = encode(part).length
      })
      if (bytes === 0) break
      sent++
      assert.deepStrictEqual({ copied, visited }, { copied: 0, visited: 0 })
      assert.isAtMost(bytes, partBytes + 64 + itemOverhead)
    }
    assert.isAbove(sent, 100)
    assert.strictEqual(walked(), many)
  })

  it("is for the reader no more than the part has, also with the last part", () => {
    const { all, entries, snapshot } = readOwner(many)
    const mirrors = makeReader()
    const receive = (batch: ReadonlyArray<Part>) =>
      batch.map((part) => {
        let written = 0
        const cost = work(() => {
          written = countWrites(() => mirrors.received(me, part, 0))
        })
        return { ...cost, written: written - part.items.length }
      })
    const nothing = { copied: 0, visited: 0, written: 0 }
    for (const cost of receive(snapshot)) assert.deepStrictEqual(cost, nothing)
    assert.strictEqual(mirrors.take().changes.length, many)
    // All entries arrive again, with one new value.
    entries.change(steps.set)
    for (const cost of receive(all())) assert.deepStrictEqual(cost, nothing)
    assert.strictEqual(mirrors.take().changes.length, 1)
    // Only entries that are gone are looked for, with the last part.
    entries.change(steps.remove)
    const costs = receive(all())
    assert.isAtMost(costs.pop()?.visited ?? Infinity, many + 1)
    for (const cost of costs) assert.deepStrictEqual(cost, nothing)
    assert.strictEqual(mirrors.take().changes.length, 1)
  })
})

describe("the work of a presence between two yields", () => {
  const entries = Array.from({ length: many }, (_, i): Entry<string, string> => {
    const encodedKey = encodeKey(`key ${i}`, 1)
    return { owner: me, key: encodedKey, encodedKey, value: "" }
  })
  const inputs = {
    snapshot: entries.map((entry) => ({ _tag: "Set", entry, previous: Option.none() }) as const),
    death: entries.map((entry) => ({ _tag: "Removed", entry, why: "failed" }) as const),
  }

  it("is a slice of a snapshot, of the end of a node, and of the end of the grace", () => {
    const table = new PresenceTable<string>(5_000)
    for (const changes of [inputs.snapshot, inputs.death]) {
      const fold = table.fold(changes, "synced", 0)
      let slices = 0
      for (let isDone = false; !isDone; slices++) {
        const { copied, visited } = work(() => {
          isDone = fold.next().done === true
        })
        assert.strictEqual(copied, 0)
        assert.isAtMost(visited, sliceSize + 1)
      }
      assert.strictEqual(slices, 1 + (2 * many) / sliceSize)
    }
    while (table.size > 0) {
      const { copied, visited } = work(() => table.tick(5_000))
      assert.strictEqual(copied, 0)
      assert.isAtMost(visited, sliceSize + 2)
    }
  })
})

it.live("other work of the process runs between the parts of a snapshot", () =>
  Effect.gen(function* () {
    const { a, b } = yield* World.pair(yield* World.tcp)
    const open = OwnedMap.make("numbers", { key: Schema.String, value: Schema.Finite })
    const there = yield* Effect.provideService(open, Cluster, b.cluster)
    yield* there.setAll(Array.from({ length: 5_000 }, (_, i) => [`key ${i}`, i] as const))
    let turn = 0
    yield* Effect.forkScoped(
      Effect.forever(
        Effect.andThen(
          Effect.sync(() => turn++),
          Effect.yieldNow,
        ),
      ),
    )
    const turns: Array<number> = []
    class Timed<E> extends Mirrors<E> {
      override received(from: PeerId, part: Part, now: number): void {
        turns.push(turn)
        super.received(from, part, now)
      }
    }
    const overrides = { ...defaults, makeMirrors: <E>(options: MirrorsOptions<E>) => new Timed<E>(options) }
    const here = yield* open.pipe(
      Effect.provideService(Cluster, a.cluster),
      Effect.provideService(Overrides, overrides),
    )
    // On a busy machine the link may be lost for a moment, and `synced` waits for no peer without a link.
    yield* Effect.repeat(here.view, {
      until: ({ entries }) => entries.length === 5_000,
      schedule: Schedule.spaced("10 millis"),
    })
    assert.isAbove(turns.length, 5)
    // A part that comes from the socket, and one that waited.
    for (const parts of Map.groupBy(turns, (of) => of).values()) assert.isAtMost(parts.length, 2)
  }).pipe(Effect.scoped),
)

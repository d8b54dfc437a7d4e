import * as Presence from "@coterie/state/Presence"
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Reach } from "../../src/internal/MapObserver.ts"
import { encodeKey, lateMillis, PresenceTable, sliceSize } from "../../src/internal/presence/PresenceTable.ts"
import type { Change as MapChange, Entry } from "../../src/internal/Service.ts"
import { problemOf, textOf, textsOf } from "./FoldedPresence.ts"

type Change = Presence.Change<string>
type Present = Presence.Present<string>

const grace = 5_000

const entry = (owner: string, key: string, ref: number, value = "", generation = 1): Entry<string, string> => {
  const encodedKey = encodeKey(key, ref)
  return { owner: { name: owner, generation }, key: encodedKey, encodedKey, value }
}

const set = (of: Entry<string, string>): MapChange<string, string> => ({
  _tag: "Set",
  entry: of,
  previous: Option.none(),
})

const removed = (of: Entry<string, string>): MapChange<string, string> => ({
  _tag: "Removed",
  entry: of,
  why: "removed",
})

/** Returns a change as text, such as `Changed ann a#1 +1 -0`. */
const changeText = (change: Change): string => {
  const { _tag, present } = change
  const moved = change._tag === "Changed" ? ` +${change.joined.length} -${change.left.length}` : ""
  return `${_tag} ${present.key} ${textOf(present)}${moved}`
}

const make = (options: { readonly grace?: number } = {}) => {
  const table = new PresenceTable<string>(options.grace ?? grace)
  const step = (now: number, changes: ReadonlyArray<MapChange<string, string>>, reach: Reach = "synced") =>
    table.step(changes, reach, now).map(changeText)
  const tick = (now: number) => table.tick(now).map(changeText)
  return { table, step, tick }
}

describe("the table of a presence", () => {
  it("has a key from its first meta until the grace after its last one is over", () => {
    const { step, table, tick } = make()
    const [first, second] = [entry("a", "ann", 1), entry("b", "ann", 1)]
    assert.deepStrictEqual(step(0, [set(first)]), ["Joined ann a#1"])
    assert.deepStrictEqual(step(1, [set(second)]), ["Changed ann a#1,b#1 +1 -0"])
    assert.deepStrictEqual(step(2, [removed(first)]), ["Changed ann b#1 +0 -1"])
    assert.deepStrictEqual(step(3, [removed(second)]), ["Changed ann b#1 leaving +0 -1"])
    assert.strictEqual(table.dueAt(), 3 + grace)
    assert.deepStrictEqual(tick(2 + grace), [])
    assert.strictEqual(table.size, 1)
    assert.deepStrictEqual(tick(3 + grace), ["Left ann b#1 leaving"])
    assert.strictEqual(table.size, 0)
    assert.strictEqual(table.dueAt(), Infinity)
  })

  it("keeps a key that is back within the grace, and counts a later grace anew", () => {
    const { step, table, tick } = make()
    const [first, second] = [entry("a", "ann", 1), entry("b", "ann", 1)]
    step(0, [set(first)])
    step(1, [removed(first)])
    assert.deepStrictEqual(step(2, [set(second)]), ["Changed ann b#1 +1 -0"])
    assert.strictEqual(table.dueAt(), Infinity)
    step(3, [removed(second)])
    assert.deepStrictEqual(tick(1 + grace), [])
    assert.deepStrictEqual(tick(3 + grace), ["Left ann b#1 leaving"])
  })

  it("has one change for each step and key", () => {
    const { step } = make()
    const old = entry("a", "ann", 1, "x")
    step(0, [set(old), set(entry("a", "bob", 2))])
    assert.deepStrictEqual(
      step(1, [set(entry("a", "ann", 1, "y")), set(entry("a", "ann", 3)), removed(entry("a", "bob", 2))]),
      ["Changed ann a#1y,a#3 +2 -1", "Changed bob a#2 leaving +0 -1"],
    )
    // An owner that is refused in the step in which its entries arrive.
    const brief = entry("b", "cat", 1)
    assert.deepStrictEqual(step(2, [set(brief), removed(brief)]), [])
  })

  it("orders metas by the name of the peer, and then by number", () => {
    const { step } = make()
    const entries = [entry("b", "ann", 10), entry("b", "ann", 9), entry("a", "ann", 11), entry("c", "ann", 1)]
    assert.deepStrictEqual(step(0, entries.map(set)), ["Joined ann a#11,b#9,b#10,c#1"])
  })

  it("lets a key leave with its last meta if there is no grace", () => {
    const { step, table } = make({ grace: 0 })
    step(0, [set(entry("a", "ann", 1))])
    assert.deepStrictEqual(step(1, [removed(entry("a", "ann", 1))]), ["Left ann a#1 leaving"])
    assert.strictEqual(table.size, 0)
  })

  it("lets no key leave while the node is isolated, and starts the grace when it has the metas of a peer again", () => {
    for (const duration of [grace, 0]) {
      const { step, table, tick } = make({ grace: duration })
      const [ann, bob] = [entry("b", "ann", 1), entry("b", "bob", 2)]
      step(0, [set(ann), set(bob)])
      step(1, [], "isolated")
      assert.lengthOf(step(2, [removed(ann), removed(bob)], "isolated"), 2)
      assert.strictEqual(table.dueAt(), Infinity)
      assert.deepStrictEqual(tick(1_000_000), [])
      // The first link after the isolation has not brought the metas yet.
      assert.deepStrictEqual(step(1_000_000, [], "syncing"), [])
      assert.strictEqual(table.dueAt(), Infinity)
      assert.deepStrictEqual(step(1_000_001, [set(ann)]), ["Changed ann b#1 +1 -0"])
      assert.strictEqual(table.dueAt(), 1_000_001 + duration)
      assert.deepStrictEqual(tick(1_000_001 + duration), ["Left bob b#2 leaving"])
    }
  })

  it("lets no key leave at a deadline that passed while the process stood still", () => {
    const { step, tick } = make()
    step(0, [set(entry("a", "ann", 1))])
    step(0, [removed(entry("a", "ann", 1))])
    const late = grace + lateMillis
    assert.deepStrictEqual(tick(late), [])
    assert.deepStrictEqual(tick(late + grace), ["Left ann a#1 leaving"])
  })

  it("folds the end of a node with 20,000 keys in one step", () => {
    const { step, table, tick } = make()
    const entries = Array.from({ length: 20_000 }, (_, i) => entry("a", `user-${i}`, i + 1))
    assert.lengthOf(step(0, entries.map(set)), 20_000)
    assert.lengthOf(step(1, entries.map(removed)), 20_000)
    assert.strictEqual(table.leavingSize, 20_000)
    for (let left = 0; left < 20_000; left += sliceSize) {
      assert.strictEqual(table.dueAt(), 1 + grace)
      assert.deepStrictEqual(tick(1 + grace).at(0), `Left user-${left} a#${left + 1} leaving`)
      assert.strictEqual(table.size, 20_000 - left - sliceSize)
    }
    assert.strictEqual(table.dueAt(), Infinity)
  })

  it("lets all keys leave although the slices of one deadline take longer than a late tick", () => {
    const { step, table, tick } = make()
    const entries = Array.from({ length: 5 * sliceSize }, (_, i) => entry("a", `user-${i}`, i + 1))
    step(0, entries.map(set))
    step(0, entries.map(removed))
    let now = grace
    for (let slice = 0; slice < 4; slice++, now += lateMillis - 1) assert.lengthOf(tick(now), sliceSize)
    // The process stood still between two slices.
    now += 1
    assert.lengthOf(tick(now), 0)
    assert.lengthOf(tick(now + grace), sliceSize)
    assert.strictEqual(table.size, 0)
  })

  it("gives the same changes in slices as in one step", () => {
    const [whole, sliced] = [make(), make()]
    // Each key has two metas, far from each other in the step.
    const entries = [1, 2].flatMap((ref) =>
      Array.from({ length: 3 * sliceSize }, (_, i) => entry("a", `user-${i}`, ref)),
    )
    for (const changes of [entries.map(set), entries.map(removed)]) {
      const fold = sliced.table.fold(changes, "synced", 1)
      let slices = 1
      let slice = fold.next()
      for (; slice.done !== true; slice = fold.next()) slices++
      assert.strictEqual(slices, 1 + 12, "six slices of metas by key, and six of the metas of each key")
      assert.deepStrictEqual(slice.value.map(changeText), whole.step(1, changes))
      assert.lengthOf(slice.value, 3 * sliceSize)
    }
  })
})

// ---- properties ----

const integer = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const Edit = Schema.Struct({
  owner: Schema.Literals(["a", "b", "ab"]),
  key: Schema.Literals(["ann", "bob", ""]),
  ref: Schema.Literals([1, 2, 10]),
  value: Schema.Literals(["x", "y", "none", "none"]),
})

const Input = Schema.Union([
  Schema.TaggedStruct("Step", { edits: Schema.Array(Edit) }),
  Schema.TaggedStruct("Death", { owner: Edit.fields.owner }),
  Schema.TaggedStruct("Wait", { millis: integer(0, 4_000), isLate: Schema.Boolean }),
  Schema.TaggedStruct("Reach", { reach: Schema.Literals(["isolated", "syncing", "synced"]) }),
])
type Input = typeof Input.Type

/** Computes from all entries what a table shows, without the changes. */
class Model {
  readonly entries = new Map<string, Entry<string, string>>()
  readonly last = new Map<string, ReadonlyArray<Entry<string, string>>>()
  readonly due = new Map<string, number>()
  isPaused = false
  private readonly grace: number

  constructor(grace: number) {
    this.grace = grace
  }

  /** Returns the changes of the map that bring an entry to a value, or to its end. */
  change({ key, owner, ref, value }: typeof Edit.Type): ReadonlyArray<MapChange<string, string>> {
    const next = entry(owner, key, ref, value)
    const id = `${owner} ${next.key}`
    const previous = this.entries.get(id)
    if (value === "none") {
      this.entries.delete(id)
      return previous === undefined ? [] : [removed(previous)]
    }
    if (previous?.value === value) return []
    this.entries.set(id, next)
    return [{ _tag: "Set", entry: next, previous: Option.map(Option.fromUndefinedOr(previous), (old) => old.value) }]
  }

  stepped(reach: Reach, now: number): void {
    if (reach === "isolated") this.isPaused = true
    const keys = Map.groupBy(this.entries.values(), ({ key }) => key.slice(0, key.indexOf("\0")))
    for (const [key, entries] of keys) {
      this.last.set(key, entries)
      this.due.delete(key)
    }
    for (const key of [...this.last.keys()]) {
      if (keys.has(key) || this.due.has(key)) continue
      if (this.grace === 0 && !this.isPaused) this.last.delete(key)
      else this.due.set(key, now + this.grace)
    }
    if (!this.isPaused || reach !== "synced") return
    this.isPaused = false
    for (const key of this.due.keys()) this.due.set(key, now + this.grace)
  }

  ticked(now: number): void {
    if (this.isPaused) return
    if (Math.min(...this.due.values()) + lateMillis <= now)
      for (const key of this.due.keys()) this.due.set(key, now + this.grace)
    for (const [key, at] of [...this.due]) {
      if (at > now) continue
      this.due.delete(key)
      this.last.delete(key)
    }
  }

  list(): Record<string, string> {
    const order = (a: Entry<string, string>, b: Entry<string, string>) => {
      const ref = ({ key }: Entry<string, string>) => key.split("\0")[1]?.padStart(9) ?? ""
      return a.owner.name + ref(a) < b.owner.name + ref(b) || a.owner.name < b.owner.name ? -1 : 1
    }
    return Object.fromEntries(
      [...this.last].map(([key, entries]) => {
        const metas = entries
          .toSorted(order)
          .map(({ key, owner, value }) => `${owner.name}#${key.split("\0")[1]}${value}`)
        return [key, `${metas.join()}${this.due.has(key) ? " leaving" : ""}`]
      }),
    )
  }
}

class Run {
  readonly table: PresenceTable<string>
  readonly folded = new Map<string, Present>()
  private readonly model: Model
  private reach: Reach = "synced"
  private now = 0

  constructor(grace: number) {
    this.table = new PresenceTable(grace)
    this.model = new Model(grace)
  }

  apply(input: Input): void {
    switch (input._tag) {
      case "Step":
        return this.step(input.edits.flatMap((edit) => this.model.change(edit)))
      case "Death": {
        const entries = [...this.model.entries].filter(([, { owner }]) => owner.name === input.owner)
        for (const [id] of entries) this.model.entries.delete(id)
        return this.step(entries.map(([, of]) => removed(of)))
      }
      case "Reach":
        this.reach = input.reach
        return this.step([])
      case "Wait":
        return this.wait(this.now + input.millis, input.isLate)
    }
  }

  /** Ticks at each deadline as the timer does, or once at the end as after a pause of the process. */
  private wait(until: number, isLate: boolean): void {
    for (let at = this.table.dueAt(); !isLate && at <= until; at = this.table.dueAt()) this.tick(at)
    this.tick(until)
  }

  private step(changes: ReadonlyArray<MapChange<string, string>>): void {
    this.model.stepped(this.reach, this.now)
    this.check(this.table.step(changes, this.reach, this.now))
  }

  private tick(now: number): void {
    this.now = now
    this.model.ticked(now)
    this.check(this.table.tick(now))
  }

  private check(changes: ReadonlyArray<Change>): void {
    assert.strictEqual(new Set(changes.map(({ present }) => present.key)).size, changes.length, "one change for a key")
    for (const change of changes) {
      assert.isUndefined(problemOf(this.folded.get(change.present.key), change))
      Presence.apply(this.folded, change)
    }
    const list = this.table.list()
    assert.deepStrictEqual(textsOf(list), textsOf(this.folded), "the fold of the changes")
    assert.deepStrictEqual(textsOf(list), this.model.list(), "the model")
    for (const [key, present] of list) assert.deepStrictEqual(this.table.get(key), present)
    assert.strictEqual(this.table.size, list.size)
  }
}

it.effect.prop(
  "the fold of the changes of a presence equals its list at all moments, and the list is that of all entries",
  [Arbitrary.array(Arbitrary.schema(Input), { maxLength: 40 }), Arbitrary.schema(Schema.Literals([0, 1_000, 5_000]))],
  ([inputs, grace]) =>
    Effect.sync(() => {
      const run = new Run(grace)
      for (const input of inputs) run.apply(input)
    }),
  { arbitrary: { runs: 500 } },
)

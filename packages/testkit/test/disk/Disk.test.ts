import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import { Disk } from "../../src/disk/Disk.ts"
import { absolute, parentOf } from "../../src/disk/path.ts"
import * as Draws from "../../src/kernel/Draws.ts"
import * as Prng from "../../src/kernel/Prng.ts"

const make = (conditions: ConstructorParameters<typeof Disk>[0]["conditions"], seed = 1) => {
  const counters = { diskLost: 0, diskTorn: 0 }
  const time = { now: 0 }
  const disk = new Disk({ name: "a", draws: Draws.seeded(seed), now: () => time.now, counters, conditions })
  return { counters, disk, time }
}

const open = (disk: Disk, path: string) => disk.open(path, { create: true, exclusive: false, truncate: false })

const seed = Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 })))

describe("Disk", () => {
  it.prop(
    "keeps synchronized bytes, and each other byte of a file is one that was written there, or zero",
    [seed],
    ([seed]) => {
      const { disk } = make(() => ({ lost: 0.4, torn: 0.4 }), seed)
      const random = Prng.make(seed, "writes")
      const file = open(disk, "/file")
      const synced = new Map<number, number>()
      const possible: Array<Set<number>> = []
      disk.sync(file)
      for (let step = 1; step <= 30; step++) {
        const at = Math.floor(random.next() * 40)
        const length = 1 + Math.floor(random.next() * 10)
        disk.write(file, new Uint8Array(length).fill(step), at)
        for (let i = at; i < at + length; i++) {
          for (let j = possible.length; j <= i; j++) possible.push(new Set([0]))
          possible[i]?.add(step)
          synced.delete(i)
        }
        if (random.next() < 0.2) {
          disk.sync(file)
          for (const [i, value] of file.content.entries()) {
            synced.set(i, value)
            possible[i] = new Set([value])
          }
        }
      }
      disk.losePower()
      const content = disk.read("/file")
      for (const [i, value] of content.entries()) assert.isTrue(possible[i]?.has(value))
      for (const [i, value] of synced) assert.strictEqual(content[i], value)
    },
  )

  it.prop("loses names from the last one on: what remains is a state that the disk had", [seed], ([seed]) => {
    const { disk, time } = make(() => ({ lost: 0.8 }), seed)
    const random = Prng.make(seed, "names")
    const names = ["/a", "/b", "/c", "/d"]
    const pick = () => names[Math.floor(random.next() * names.length)] ?? "/a"
    const list = () => disk.readDirectory("/", true).join(" ")
    const states = new Set([list()])
    for (let step = 0; step < 20; step++) {
      time.now += 5_000_000
      const [from, to] = [pick(), pick()]
      if (!disk.exists(from)) open(disk, from)
      else if (random.next() < 0.5) disk.remove(from, false)
      else disk.rename(from, to)
      states.add(list())
    }
    disk.losePower()
    assert.isTrue(states.has(list()))
  })

  it("makes the same draws in every run of a seed, and none of them change a replay", () => {
    const lose = (draws: Draws.Draws) => {
      const counters = { diskLost: 0, diskTorn: 0 }
      const disk = new Disk({
        name: "a",
        draws,
        now: () => 0,
        counters,
        conditions: () => ({ lost: 0.5, torn: 0.5 }),
      })
      for (const path of ["/a", "/b", "/c"]) disk.write(open(disk, path), new Uint8Array(8).fill(1), 0)
      disk.losePower()
      return disk.readDirectory("/", true).map((path) => [path, disk.read(`/${path}`).length])
    }
    const draws = Draws.seeded(7)
    const first = lose(draws)
    assert.deepStrictEqual(lose(Draws.seeded(7)), first)
    assert.deepStrictEqual(lose(Draws.replaying(draws.deviations())), first)
  })

  it("is full as long as one fault fills it", () => {
    const { disk } = make(() => ({}))
    const file = open(disk, "/file")
    disk.write(file, new Uint8Array(4), 0)
    const [first, second] = [disk.fill(), disk.fill()]
    assert.throws(() => disk.write(file, new Uint8Array(5), 0), /ENOSPC/)
    assert.throws(() => open(disk, "/other"), /ENOSPC/)
    // Bytes that the file has already need no space.
    assert.strictEqual(disk.write(file, new Uint8Array(4), 0), 4)
    first()
    assert.throws(() => disk.makeDirectory("/directory"), /ENOSPC/)
    second()
    disk.makeDirectory("/directory")
  })
})

describe("paths", () => {
  it.each([
    ["a/b", "/a/b"],
    ["/a//b/./c/../d/", "/a/b/d"],
    ["../..", "/"],
    ["", "/"],
  ])("%s is %s", (path, expected) => {
    assert.strictEqual(absolute(path), expected)
  })

  it("have a directory", () => {
    assert.deepStrictEqual(["/a", "/a/b", "/a/b/c"].map(parentOf), ["/", "/a", "/a/b"])
  })
})

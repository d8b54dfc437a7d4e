/**
 * Keeps docs/cluster.md, docs/policies.md and docs/glossary.md complete: they contain all names that the code has at
 * run time.
 */
import {
  Cluster,
  ClusterError,
  ClusterEvent,
  Discovery,
  FailureDetector,
  Gossip,
  type Inspection,
  Limits,
} from "@coterie/core"
import { SimNetwork, VirtualTime } from "@coterie/testkit"
import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, Layer } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"

const read = (page: string) => Fs.readFileSync(Path.join(import.meta.dirname, "../../docs", page), "utf8")
const clusterPage = read("cluster.md")

/** Returns the part of a page under a heading, up to the next heading of its level. */
const section = (heading: string, page = clusterPage): string =>
  page.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? ""

/** Returns the names at the start of the code spans, such as `send` of `send(peer, payload)`. */
const codes = (text: string): ReadonlySet<string> =>
  new Set([...text.matchAll(/`(\w+)[^`]*`/g)].map(([, name = ""]) => name))

const missing = (names: ReadonlyArray<string>, text: string) => names.filter((name) => !codes(text).has(name))

describe("the page of the Cluster service", () => {
  it("has every limit with its default, and no other", () => {
    const first = [...section("Limits").matchAll(/^\| (`[^|]+) \| ([^|]+) \|/gm)]
    const units = { MiB: 1024 * 1024, KiB: 1024, s: 1_000 }
    const found = first.flatMap(([, names = "", values = ""]) => {
      const numbers = values.split(/, /).map((value) => {
        const [number = "", unit] = value.split(" ")
        return Number(number.replace(",", "")) * (units[unit as keyof typeof units] ?? 1)
      })
      return [...codes(names)].map((name, index) => [name, numbers[index]] as const)
    })
    assert.deepStrictEqual(Object.fromEntries(found), { ...Limits.defaults })
  })

  it("has every event and every reason, and the glossary has every event", () => {
    const events = Object.keys(ClusterEvent.ClusterEvent.cases)
    assert.isAbove(events.length, 15)
    assert.deepStrictEqual(missing(events, section("Members of the service")), [])
    assert.deepStrictEqual(missing(events, read("glossary.md")), [])
    const { JoinErrorReason, SendErrorReason, StoppedErrorReason } = ClusterError
    const reasons = [JoinErrorReason, SendErrorReason, StoppedErrorReason].flatMap(({ members }) =>
      members.map((member) => member.identifier),
    )
    assert.isAbove(reasons.length, 20)
    assert.deepStrictEqual(missing(reasons, section("Errors")), [])
  })

  it.effect("has every member of the service", () =>
    Effect.gen(function* () {
      const network = yield* SimNetwork.make()
      const layer = Cluster.layer({ cluster: "hello" }).pipe(Layer.provide(network.transport("a")))
      const members = Object.keys(Context.get(yield* Layer.build(layer), Cluster.Cluster))
      assert.isAbove(members.length, 20)
      assert.deepStrictEqual(missing(members, section("Members of the service")), [])
    }).pipe(Effect.scoped, VirtualTime.flow),
  )
})

it.effect("the section of the inspection has every field, and every state of an address", () =>
  Effect.gen(function* () {
    const network = yield* SimNetwork.make()
    const start = (name: string) =>
      Cluster.layer({ cluster: "hello", name, seeds: ["a"] }).pipe(
        Layer.provide(network.transport(name)),
        Layer.build,
        Effect.map(Context.get(Cluster.Cluster)),
      )
    yield* start("a")
    const b = yield* start("b")
    yield* b.settled
    const inspection = yield* b.inspect()
    const [peer] = inspection.peers
    assert.isDefined(peer?.connection)
    const [member = {}] = yield* b.peers
    const ofPeer = Object.keys(peer).filter((field) => !Object.hasOwn(member, field))
    const fields = [...Object.keys(inspection), ...ofPeer, ...Object.keys(peer.connection)]
    assert.isAbove(fields.length, 30)
    assert.deepStrictEqual(missing(fields, section("Inspection")), [])
    const states: { readonly [State in Inspection.AddressState]: true } = {
      linked: true,
      self: true,
      failing: true,
      answered: true,
      untried: true,
    }
    assert.deepStrictEqual(missing(Object.keys(states), section("Inspection")), [])
  }).pipe(Effect.scoped, VirtualTime.flow),
)

describe("the page of the policies", () => {
  const page = read("policies.md")

  it("has every option of the policies", () => {
    assert.deepStrictEqual(missing(Object.keys(FailureDetector.lan), section("FailureDetector", page)), [])
    assert.deepStrictEqual(missing(Object.keys(Gossip.defaults), section("Gossip", page)), [])
    const { addresses: _, ...intervals } = Discovery.defaults
    assert.deepStrictEqual(missing(Object.keys(intervals), section("Discovery", page)), [])
  })

  it("has the times of the failure detectors", () => {
    const times = ({ heartbeat, idleHeartbeat, ...policy }: FailureDetector.Policy) =>
      [heartbeat, idleHeartbeat, policy.linkTimeout, policy.probeTimeout, policy.suspicionMin, policy.suspicionMax].map(
        Duration.toSeconds,
      )
    const secondsOf = (text: string): number => {
      const [number = "", unit] = text.split(" ")
      return Number(number) / (unit === "ms" ? 1_000 : 1)
    }
    const rows = [...section("FailureDetector", page).matchAll(/^\| `FailureDetector\.layer(\w+)`.*$/gm)]
    const found = rows.map(([row, name = ""]) => [
      name,
      row
        .split("|")
        .slice(3, 9)
        .map((cell) => secondsOf(cell.trim())),
    ])
    const { lan, local, wan } = FailureDetector
    assert.deepStrictEqual(Object.fromEntries(found), { Lan: times(lan), Wan: times(wan), Local: times(local) })
  })
})

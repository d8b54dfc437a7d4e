/**
 * Measures the cost of one step of the membership by the number of peers of a node, as a ratio to the cost with a
 * hundred peers. The cost of a step about one peer should not depend on the number of other peers.
 *
 *     node benchmarks/membership/steps.ts
 */
import type { Input } from "../../packages/core/src/membership/Membership.ts"
import * as Membership from "../../packages/core/src/membership/Membership.ts"
import * as Settings from "../../packages/core/src/membership/Settings.ts"
import * as State from "../../packages/core/src/membership/State.ts"
import type { PeerRecord } from "../../packages/core/src/protocol/PeerRecord.ts"

const sizes = [100, 1_000, 4_000]
const rounds = 5
const stepsPerRound = 500

const wall = 1_790_000_000_000

const recordOf = (name: string, version = 0): PeerRecord => ({
  name,
  generation: wall,
  incarnation: version,
  status: "alive",
  body: { addresses: [], metadata: { version: `${version}` }, versionMin: 1, versionMax: 1, features: [] },
})

/** Makes a node that has links to `members` peers and knows `candidates` other peers by gossip alone. */
const nodeWith = (members: number, candidates: number) => {
  const settings = { ...Settings.defaults, maxMembers: 100_000 }
  let state = State.make({ settings, self: recordOf("self"), now: 0, wall, seed: 1 })
  let now = 0
  const at = (input: Input): void => {
    state = Membership.step(state, now, input)[0]
  }
  const from = recordOf("member 0")
  const hear = (...records: ReadonlyArray<PeerRecord>): void =>
    at({ _tag: "Received", from, frame: { _tag: "Update", records } })
  for (let i = 0; i < members; i++) {
    at({ _tag: "LinkUp", record: recordOf(`member ${i}`), address: undefined, viewHash: 0n, youAre: undefined })
  }
  if (candidates > 0) hear(...Array.from({ length: candidates }, (_, i) => recordOf(`candidate ${i}`)))
  const tick = (): void => {
    now += 100
    at({ _tag: "Tick" })
  }
  tick()
  return { at, hear, tick, deadline: () => State.deadline(state) }
}

type Node = ReturnType<typeof nodeWith>

interface Work {
  readonly title: string
  readonly node: (size: number) => Node
  /** Takes one step. `count` counts all steps. */
  readonly step: (node: Node, count: number) => void
}

const works: ReadonlyArray<Work> = [
  {
    title: "a changed body of a member",
    node: (size) => nodeWith(size, 0),
    step: (node, count) => node.hear(recordOf(`member ${1 + (count % 99)}`, 1 + count)),
  },
  {
    title: "a new peer by gossip",
    node: (size) => nodeWith(10, size),
    step: (node, count) => node.hear(recordOf(`late ${count}`)),
  },
  {
    title: "a failed dial of a candidate",
    node: (size) => nodeWith(10, size),
    step: (node, count) => node.at({ _tag: "DialFailed", name: `candidate ${count % 100}`, refused: true }),
  },
  {
    title: "the deadline, and a Tick without due work",
    node: (size) => nodeWith(size, 0),
    step: (node) => {
      node.deadline()
      node.at({ _tag: "Tick" })
    },
  },
]

const median = (values: ReadonlyArray<number>): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

/** Returns the microseconds of one step as the median of the rounds. */
const measure = ({ node, step }: Work, size: number): number => {
  const its = node(size)
  const times: Array<number> = []
  for (let round = 0, count = 0; round <= rounds; round++) {
    const start = process.hrtime.bigint()
    for (let i = 0; i < stepsPerRound; i++) step(its, count++)
    // The first round warms up.
    if (round > 0) times.push(Number(process.hrtime.bigint() - start) / 1_000 / stepsPerRound)
    its.tick()
  }
  return median(times)
}

for (const work of works) {
  const micros = sizes.map((size) => measure(work, size))
  const base = micros[0] ?? Number.NaN
  const cells = micros.map((each, i) => `${sizes[i]}: ${each.toFixed(1)} µs (${(each / base).toFixed(1)})`)
  console.log(`${work.title.padEnd(50)} ${cells.join("   ")}`)
}

/** Measures of presences, and the nodes that they start. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Process from "../harness/Process.ts"
import { median, percentile } from "../harness/rounds.ts"
import type { Calls } from "./Calls.ts"
import { now } from "./Seen.ts"
import * as Server from "./server.ts"
import type { Setup } from "./systems/Driver.ts"

export interface Options {
  /** Users in all, evenly over the nodes. */
  readonly presences: number
  /** Changes per second of all nodes together. */
  readonly rates: ReadonlyArray<number>
  /** Changes per second of the ramp, in ascending order. */
  readonly ramp: ReadonlyArray<number>
  /** Users that are there when a node joins. */
  readonly sizes: ReadonlyArray<number>
  /** Time of a load in milliseconds. */
  readonly millis: number
  /** Time at rest in seconds. */
  readonly seconds: number
  /** Time between two renewals in seconds. */
  readonly renewal: number
  /** Number of nodes of Coterie that are killed, one after the other. */
  readonly kills: number
  /** Time for which a node stands still in seconds. */
  readonly stall: number
}

/** Figure of a measure: a row of the table. */
export interface Row {
  readonly name: string
  readonly decimals: number
}

export type Figures = { readonly [row: string]: number | null }

export interface Measure {
  readonly rows: (options: Options) => ReadonlyArray<Row>
  readonly run: (system: string, options: Options) => Effect.Effect<Figures, Process.Failed>
}

const nodes = 5

/** Bound for the time until all nodes know all changes. */
const patience = 30_000

/** Time within which the users of a node that was restarted connect again, in milliseconds. */
const reconnectMillis = 2_000

/** p99 in milliseconds at which the ramp ends. */
const slow = 100

/** No key is renewed while a load is measured. */
const never = 1_000_000

type Node = Process.Process<Calls>

const module = new URL("child.ts", import.meta.url)

const nameOf = (i: number): string => `node${i}`

/** Starts the server of a system, and nodes. */
const start = Effect.fnUntraced(function* (system: string, count: number, renewal: number, moves = false) {
  const server = system === "redis" ? yield* Server.start : undefined
  const seeds: Array<string> = server === undefined ? [] : [server.address]
  const prepare = Effect.gen(function* () {
    const node = yield* Process.start<Calls>({ module, core: undefined })
    yield* node.call("load", system)
    return node
  })
  const setupOf = (i: number): Setup => ({ name: nameOf(i), seeds: seeds.slice(0, 1), renewal, moves })
  const started: Array<Node> = []
  const begin = Effect.fnUntraced(function* (node: Node) {
    seeds.push(yield* node.call("start", setupOf(started.length)))
    started.push(node)
  })
  for (let i = 0; i < count; i++) yield* Effect.flatMap(prepare, begin)
  const spent = Effect.gen(function* () {
    const each = yield* Effect.forEach(started, (node) => node.call("spent"))
    const all = server === undefined ? each : [...each, yield* server.spent]
    return {
      cpu: all.reduce((sum, { cpu }) => sum + cpu, 0),
      bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
    }
  })
  return { begin, nodes: started, prepare, server, setupOf, spent }
})

const all = <A>(of: ReadonlyArray<Node>, ask: (node: Node) => Effect.Effect<A, Process.Failed>) =>
  Effect.forEach(of, ask, { concurrency: "unbounded" })

/** Asks nodes, and waits for each of them. Returns `None` if a call fails. */
const allOrNone = <A>(of: ReadonlyArray<Node>, ask: (node: Node) => Effect.Effect<A, Process.Failed>) =>
  Effect.map(
    all(of, (node) => Effect.option(ask(node))),
    Option.all,
  )

const settled = (of: ReadonlyArray<Node>, count: number, last: number) =>
  all(of, (node) => node.call("settled", { count, last }, patience))

/** Lets users join, evenly over the nodes, and waits until all nodes know `total`. */
const fill = Effect.fnUntraced(function* (of: ReadonlyArray<Node>, count: number, total = count) {
  yield* all(of, (node) => node.call("fill", { count: count / of.length }))
  yield* settled(of, total, 0)
})

/** Makes changes with filled nodes. `load` returns figures when all nodes know all changes. */
const startLoad = Effect.fnUntraced(function* (system: string, { millis: warmUp, presences }: Options) {
  const { nodes: started, spent } = yield* start(system, nodes, never)
  yield* fill(started, presences)
  let last = 0
  const load = Effect.fnUntraced(function* (rate: number, millis: number) {
    yield* all(started, (node) => node.call("samples"))
    const before = yield* spent
    const made = yield* all(started, (node) => node.call("change", { perSecond: rate / nodes }, millis))
    last += nodes
    yield* settled(started, presences + last, last)
    const after = yield* spent
    const samples = yield* all(started, (node) => node.call("samples"))
    const sorted = Float64Array.from(samples.flatMap((each) => [...each])).sort()
    const changes = made.reduce((sum, each) => sum + each.changes, 0)
    return {
      made: made.reduce((sum, { perSecond }) => sum + perSecond, 0),
      p50: percentile([...sorted], 0.5) / 1_000,
      p99: percentile([...sorted], 0.99) / 1_000,
      bytes: (after.bytes - before.bytes) / changes,
      cpu: (after.cpu - before.cpu) / changes,
    }
  })
  yield* load(1_000, warmUp)
  return load
})

const number = (value: number): string => value.toLocaleString("en")

const loadRows = (rate: number) => ({
  p50: { name: `${number(rate)} changes/s: p50, ms`, decimals: 2 },
  p99: { name: `${number(rate)} changes/s: p99, ms`, decimals: 2 },
  bytes: { name: `${number(rate)} changes/s: bytes per change`, decimals: 0 },
  cpu: { name: `${number(rate)} changes/s: CPU per change, µs`, decimals: 0 },
})

const propagation: Measure = {
  rows: ({ rates }) => rates.flatMap((rate) => Object.values(loadRows(rate))),
  run: Effect.fnUntraced(function* (system, options) {
    const load = yield* startLoad(system, options)
    const figures: Record<string, number> = {}
    for (const rate of options.rates) {
      const rows = loadRows(rate)
      const measured = yield* load(rate, options.millis)
      for (const figure of ["p50", "p99", "bytes", "cpu"] as const) figures[rows[figure].name] = measured[figure]
    }
    return figures
  }, Effect.scoped),
}

const fastest: Row = { name: `most changes/s with p99 up to ${slow} ms`, decimals: 0 }

const ramp: Measure = {
  rows: () => [fastest],
  run: Effect.fnUntraced(function* (system, options) {
    const load = yield* startLoad(system, options)
    let best: number | null = null
    for (const rate of options.ramp) {
      const step = yield* Effect.catch(load(rate, options.millis / 2), ({ message }) =>
        Effect.as(Console.error(`${system} at ${number(rate)} changes/s: ${message.split("\n")[0]}`), undefined),
      )
      if (step === undefined) break
      yield* Console.error(
        `${system} at ${number(rate)} changes/s: made ${number(Math.round(step.made))}, p99 ${step.p99.toFixed(1)} ms`,
      )
      // A load that the nodes could not make says nothing about more.
      if (step.p99 > slow || step.made < rate * 0.95) break
      best = rate
    }
    return { [fastest.name]: best }
  }, Effect.scoped),
}

const restRows = ({ presences }: Options) => ({
  bytes: { name: `at rest, ${number(presences)} users: bytes/s`, decimals: 0 },
  cpu: { name: `at rest, ${number(presences)} users: CPU, ms/s`, decimals: 2 },
})

const rest: Measure = {
  rows: (options) => Object.values(restRows(options)),
  run: Effect.fnUntraced(function* (system, options) {
    const rows = restRows(options)
    const { nodes: started, spent } = yield* start(system, nodes, options.renewal)
    yield* fill(started, options.presences)
    // Connections have settled, and code that is used is compiled.
    yield* Effect.sleep("3 seconds")
    const [before, began] = [yield* spent, now()]
    yield* Effect.sleep(`${options.seconds} seconds`)
    const [after, seconds] = [yield* spent, (now() - began) / 1e6]
    return {
      [rows.bytes.name]: (after.bytes - before.bytes) / seconds,
      [rows.cpu.name]: (after.cpu - before.cpu) / 1_000 / seconds,
    }
  }, Effect.scoped),
}

const killRows = {
  present: { name: "a node is killed: until all nodes know that its users are not present, s", decimals: 2 },
  listed: { name: "a node is killed: until no list has its users, s", decimals: 2 },
}

const kill: Measure = {
  rows: () => Object.values(killRows),
  run: Effect.fnUntraced(function* (system, { kills, presences, renewal }) {
    const { nodes: started } = yield* start(system, nodes, renewal)
    yield* fill(started, presences)
    // The middle between two renewals, so that the time is the mean of all moments. Keys of Redis live three renewals.
    if (system === "redis") yield* Effect.sleep(`${renewal * 500} millis`)
    const times: Array<{ readonly present: number; readonly listed: number }> = []
    for (let killed = 1; killed <= (system === "redis" ? 1 : kills); killed++) {
      const others = started.slice(killed)
      const at = now()
      yield* started[killed - 1]?.kill ?? Effect.void
      const count = (presences / nodes) * (nodes - killed)
      const reached = yield* all(others, (node) => node.call("gone", { count }, renewal * 4_000 + patience))
      const latest = (of: "present" | "listed") => (Math.max(...reached.map((each) => each[of])) - at) / 1e6
      times.push({ present: latest("present"), listed: latest("listed") })
    }
    return {
      [killRows.present.name]: median(times.map(({ present }) => present)),
      [killRows.listed.name]: median(times.map(({ listed }) => listed)),
    }
  }, Effect.scoped),
}

const stallRows = ({ stall }: Options) => {
  const name = `a node stands still for ${stall} s`
  return {
    absent: { name: `${name}: until all others know that its users are not present, s`, decimals: 2 },
    left: { name: `${name}: its users that leave the list of another node, %`, decimals: 0 },
    back: { name: `${name}: from its end until all nodes know all users, s`, decimals: 2 },
    own: { name: `${name}: users that leave its own list, %`, decimals: 0 },
  }
}

const percent = (part: number, whole: number): number => (100 * part) / whole

const stall: Measure = {
  rows: (options) => Object.values(stallRows(options)),
  run: Effect.fnUntraced(function* (system, options) {
    const { presences, renewal } = options
    const rows = stallRows(options)
    const { nodes: started } = yield* start(system, nodes, renewal)
    yield* fill(started, presences)
    const [still, others] = [started.slice(0, 1), started.slice(1)]
    const ofOthers = presences - presences / nodes
    // The middle between two renewals, as for a node that is killed.
    if (system === "redis") yield* Effect.sleep(`${renewal * 500} millis`)
    yield* all(started, (node) => node.call("changes"))
    const millis = options.stall * 1_000
    // Keys of Redis that do not expire before the end are not gone.
    const gone = allOrNone(others, (node) => node.call("gone", { count: ofOthers }, millis))
    const began = now()
    yield* all(still, (node) => node.stop)
    const [reached] = yield* Effect.all([gone, Effect.sleep(millis)], { concurrency: 2 })
    const ended = now()
    yield* all(still, (node) => node.resume)
    // Keys of Redis that have expired do not return, because a renewal makes no key.
    const isBack = Option.isSome(
      yield* allOrNone(started, (node) => node.call("settled", { count: presences, last: 0 }, patience)),
    )
    const back = (now() - ended) / 1e6
    const leftAt = (of: ReadonlyArray<Node>) =>
      Effect.map(
        all(of, (node) => node.call("changes")),
        (each) => each.reduce((sum, { left }) => sum + left, 0),
      )
    return {
      [rows.absent.name]: Option.match(reached, {
        onNone: () => null,
        onSome: (each) => (Math.max(...each.map(({ present }) => present)) - began) / 1e6,
      }),
      [rows.left.name]: percent(yield* leftAt(others), others.length * (presences / nodes)),
      [rows.back.name]: isBack ? back : null,
      [rows.own.name]: percent(yield* leftAt(still), presences),
    }
  }, Effect.scoped),
}

const restartRows = {
  absent: { name: `${nodes} nodes restart in turn: users that a watcher sees as not present for a time`, decimals: 0 },
  left: { name: `${nodes} nodes restart in turn: users that leave the list of a watcher`, decimals: 0 },
  stale: { name: `${nodes} nodes restart in turn: entries of ended nodes at a watcher after it`, decimals: 0 },
  bytes: { name: `${nodes} nodes restart in turn: bytes for each restart`, decimals: 0 },
}

const restart: Measure = {
  rows: () => Object.values(restartRows),
  run: Effect.fnUntraced(function* (system, { presences, renewal }) {
    const { begin, nodes: started, prepare, spent } = yield* start(system, 1, renewal, true)
    const watcher = started.slice()
    for (let i = 0; i < nodes; i++) yield* Effect.flatMap(prepare, begin)
    yield* fill(started.slice(1), presences)
    yield* settled(watcher, presences, 0)
    yield* all(watcher, (node) => node.call("changes"))
    const before = yield* spent
    for (let i = 1; i <= nodes; i++) {
      const fresh = yield* prepare
      yield* started[i]?.call("end") ?? Effect.void
      yield* begin(fresh)
      yield* fresh.call("reconnect", { of: nameOf(i), count: presences / nodes }, reconnectMillis)
      yield* settled([...watcher, ...started.slice(i + 1)], presences, 0)
    }
    const after = yield* spent
    const [seen = { absent: Number.NaN, left: Number.NaN }] = yield* all(watcher, (node) => node.call("changes"))
    const ended = Array.from({ length: nodes }, (_, i) => nameOf(i + 1))
    const [stale = Number.NaN] = yield* all(watcher, (node) => node.call("entriesOf", ended))
    return {
      [restartRows.absent.name]: seen.absent,
      [restartRows.left.name]: seen.left,
      [restartRows.stale.name]: stale,
      [restartRows.bytes.name]: (after.bytes - before.bytes) / nodes,
    }
  }, Effect.scoped),
}

const joinRow = (size: number): Row => ({ name: `a cold node knows ${number(size)} users, s`, decimals: 3 })

const join: Measure = {
  rows: ({ sizes }) => sizes.map(joinRow),
  run: Effect.fnUntraced(function* (system, { sizes }) {
    const figures: Record<string, number> = {}
    for (const size of sizes) {
      figures[joinRow(size).name] = yield* Effect.scoped(
        Effect.gen(function* () {
          const { nodes: started, prepare, setupOf } = yield* start(system, nodes - 1, never)
          yield* fill(started, size)
          const cold = yield* prepare
          return (yield* cold.call("join", setupOf(nodes - 1), { count: size }, patience)) / 1_000
        }),
      )
    }
    return figures
  }),
}

const memoryRows = {
  node: { name: "memory of a node for each user, bytes", decimals: 0 },
  all: { name: "memory of all processes for each user, bytes", decimals: 0 },
}

const memory: Measure = {
  rows: () => Object.values(memoryRows),
  run: Effect.fnUntraced(function* (system, { presences }) {
    const { nodes: started, server } = yield* start(system, nodes, never)
    const used = Effect.gen(function* () {
      const each = yield* all(started, (node) => node.call("memory"))
      const sum = each.reduce((sum, bytes) => sum + bytes, 0)
      return { nodes: sum, server: server === undefined ? 0 : (yield* server.spent).memory }
    })
    // The first users compile and cache code.
    const first = 1_000
    yield* fill(started, first)
    const before = yield* used
    yield* fill(started, presences, first + presences)
    const after = yield* used
    const inNodes = (after.nodes - before.nodes) / presences
    return {
      [memoryRows.node.name]: inNodes / nodes,
      [memoryRows.all.name]: inNodes + (after.server - before.server) / presences,
    }
  }, Effect.scoped),
}

export const measures: { readonly [name: string]: Measure } = {
  propagation,
  ramp,
  rest,
  kill,
  stall,
  restart,
  join,
  memory,
}

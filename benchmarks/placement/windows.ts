/**
 * Measures how long a key has two owners, or none, after each kind of event, in the simulation with virtual time.
 *
 *     npx -y pnpm@12 bench:placement [--seeds 5] [--out docs]
 *
 * It prints a table with and without the time to settle. With `--out docs` it writes the table into docs/state.md.
 */
import { parseArgs } from "node:util"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Cluster from "../../packages/core/src/Cluster.ts"
import * as Group from "../../packages/state/src/Group.ts"
import * as Placement from "../../packages/state/src/Placement.ts"
import { Simulation } from "../../packages/testkit/src/index.ts"
import { fill, table } from "../membership/markdown.ts"

const { values } = parseArgs({ options: { seeds: { type: "string" }, out: { type: "string" } } })
const keys = Array.from({ length: 100 }, (_, i) => `key-${i}`)

/** Longest times without an owner and with two, in milliseconds, and the numbers of keys that had such a time. */
interface Windows {
  readonly two: { readonly longest: number; readonly keys: number }
  readonly none: { readonly longest: number; readonly keys: number }
}

/** Records which nodes own which keys. */
class Board {
  private readonly now: () => number
  private owners = new Map(keys.map((key) => [key, new Set<string>()]))
  private log: Array<{ readonly at: number; readonly key: string; readonly node: string; readonly isMine: boolean }> =
    []
  private start: { readonly at: number; readonly owners: ReadonlyMap<string, ReadonlySet<string>> }

  constructor(now: () => number) {
    this.now = now
    this.start = { at: 0, owners: new Map() }
  }

  set(node: string, key: string, isMine: boolean): void {
    const owners = this.owners.get(key)
    if (owners === undefined || owners.has(node) === isMine) return
    if (isMine) owners.add(node)
    else owners.delete(node)
    this.log.push({ at: this.now(), key, node, isMine })
  }

  /** A node has ended. */
  remove(node: string): void {
    for (const key of keys) this.set(node, key, false)
  }

  /** Begins a measurement. */
  begin(): void {
    this.log = []
    this.start = { at: this.now(), owners: new Map([...this.owners].map(([key, nodes]) => [key, new Set(nodes)])) }
  }

  /** Returns the windows since the begin, among some nodes or all. */
  windows(among?: ReadonlyArray<string>): Windows {
    const isCounted = (node: string) => among === undefined || among.includes(node)
    const found = { two: { longest: 0, keys: 0 }, none: { longest: 0, keys: 0 } }
    for (const key of keys) {
      const owners = new Set([...(this.start.owners.get(key) ?? [])].filter(isCounted))
      const longest = { two: 0, none: 0 }
      let since = this.start.at
      const pass = (at: number) => {
        if (owners.size > 1) longest.two = Math.max(longest.two, at - since)
        if (owners.size === 0) longest.none = Math.max(longest.none, at - since)
      }
      const kindOf = () => Math.min(owners.size, 2)
      for (const { at, isMine, key: changed, node } of this.log) {
        if (changed !== key || !isCounted(node)) continue
        const before = kindOf()
        pass(at)
        if (isMine) owners.add(node)
        else owners.delete(node)
        if (kindOf() !== before) since = at
      }
      pass(this.now())
      for (const kind of ["two", "none"] as const) {
        found[kind].longest = Math.max(found[kind].longest, longest[kind])
        if (longest[kind] > 0) found[kind].keys++
      }
    }
    return found
  }
}

class App extends Context.Service<App, { readonly group: Group.Group<null> }>()("windows/App") {}

const layer = (name: string, board: Board, options: Placement.Options) =>
  Layer.effect(App)(
    Effect.gen(function* () {
      const group = yield* Group.make("hosts", { value: Schema.Null })
      const placement = yield* Placement.make(group, options)
      for (const key of keys) {
        yield* Effect.forkScoped(
          Stream.runForEach(placement.watch(key), (ownership) =>
            Effect.sync(() => board.set(name, key, ownership === "mine")),
          ),
        )
      }
      yield* Effect.addFinalizer(() => Effect.sync(() => board.remove(name)))
      yield* group.join(null)
      return { group }
    }),
  ).pipe(Layer.provide(Cluster.layer({ cluster: "windows", name, seeds: ["n1", "n2"] })))

type Rows = Map<string, Windows>
type Nodes = Readonly<Record<string, Simulation.Node<App>>>

const membersOf = (node: Simulation.Node<App> | undefined) =>
  node?.run(
    Effect.flatMap(App, ({ group }) => Effect.map(group.view, ({ members }) => members.map(({ peer }) => peer.name))),
  ) ?? Effect.succeed([])

/** Waits until every node has these members, and for as long as it takes to settle. */
const untilMembers = (nodes: Nodes, names: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    for (const name of names) {
      while ((yield* membersOf(nodes[name])).join() !== names.join()) yield* Effect.sleep("20 millis")
    }
    yield* Effect.sleep("10 seconds")
  })

const five = ["n1", "n2", "n3", "n4", "n5"]
const six = [...five, "n6"]

const scenario = (options: Placement.Options, rows: Rows) =>
  Simulation.scenario(
    "windows",
    {
      timeLimit: "2 hours",
      leaks: false,
      faults: { network: { delay: { exponential: { min: "200 micros", mean: "5 millis" } } } },
    },
    (sim) =>
      Effect.gen(function* () {
        const board = new Board(sim.now)
        const row = (event: string, change: Effect.Effect<unknown, unknown>, among?: ReadonlyArray<string>) =>
          Effect.gen(function* () {
            board.begin()
            yield* change
            rows.set(event, board.windows(among))
          })
        let nodes: Nodes = {}
        const start = (names: ReadonlyArray<string>) =>
          Effect.map(
            sim.nodes(names, (name) => layer(name, board, options)),
            (started: Nodes) => {
              nodes = { ...nodes, ...started }
            },
          )
        const last = (what: "stop" | "crash" | "powerOff" | "restart") =>
          Effect.suspend(() => nodes["n6"]?.[what] ?? Effect.void)
        const until = (names: ReadonlyArray<string>) => Effect.suspend(() => untilMembers(nodes, names))
        yield* row("five nodes start at once", Effect.andThen(start(five), until(five)))
        yield* row("one joins", Effect.andThen(start(["n6"]), until(six)))
        yield* row("one leaves", Effect.andThen(last("stop"), until(five)))
        yield* Effect.andThen(last("restart"), until(six))
        const remove = Effect.sync(() => board.remove("n6"))
        yield* row("one is killed", Effect.andThen(last("crash"), Effect.andThen(remove, until(five))))
        yield* Effect.andThen(last("restart"), until(six))
        yield* row("its machine loses power", Effect.andThen(last("powerOff"), Effect.andThen(remove, until(five))))
        const [left, right] = [five.slice(0, 2), five.slice(2)]
        board.begin()
        yield* sim.network.partition(left, right)
        yield* Effect.sleep("60 seconds")
        rows.set("a partition of 60 s, on the side of two", board.windows(left))
        rows.set("a partition of 60 s, on the side of three", board.windows(right))
        yield* sim.network.heal
        yield* until(five)
        rows.set("a partition of 60 s, both sides, until it is over", board.windows())
        yield* row(
          "one link is cut for 60 s",
          Effect.gen(function* () {
            yield* sim.network.partition(["n1"], ["n2"])
            yield* Effect.sleep("60 seconds")
            yield* sim.network.heal
            yield* until(five)
          }),
        )
      }),
  )

const worst = (all: ReadonlyArray<Windows>): Windows => {
  const of = (kind: "two" | "none") => ({
    longest: Math.max(0, ...all.map((each) => each[kind].longest)),
    keys: Math.max(0, ...all.map((each) => each[kind].keys)),
  })
  return { two: of("two"), none: of("none") }
}

const variants: ReadonlyArray<readonly [title: string, options: Placement.Options]> = [
  ["without `settle`", { settle: 0 }],
  ["the defaults", {}],
  ["`minimumMembers: 3`", { minimumMembers: 3 }],
]

const measure = (options: Placement.Options) =>
  Effect.gen(function* () {
    const runs: Array<Rows> = []
    for (let seed = 1; seed <= Number(values.seeds ?? 5); seed++) {
      const rows: Rows = new Map()
      const { failure } = yield* Simulation.outcome(scenario(options, rows), { seed, explore: "fifo" })
      if (failure !== undefined) return yield* Effect.die(new Error(`seed ${seed}: ${String(failure)}`))
      runs.push(rows)
    }
    const events = [...(runs[0]?.keys() ?? [])]
    return new Map(events.map((event) => [event, worst(runs.flatMap((rows) => rows.get(event) ?? []))]))
  })

const spell = ({ keys: count, longest }: Windows["two"]): string =>
  longest === 0
    ? "0"
    : `${(longest / 1_000_000).toFixed(longest < 1_000_000 ? 2 : 1)} s, ${count === keys.length ? "all" : count} keys`

const measured = await Effect.runPromise(
  Effect.forEach(variants, ([title, options]) => Effect.map(measure(options), (rows) => [title, rows] as const)),
)
const columns: ReadonlyMap<string, ReadonlyMap<string, Windows>> = new Map(measured)
const events = [...([...columns.values()][0]?.keys() ?? [])]
const text = table(
  ["event", ...[...columns.keys()].flatMap((title) => [`two owners, ${title}`, `nobody, ${title}`])],
  events.map((event) => [
    event,
    ...[...columns.values()].flatMap((rows) => {
      const windows = rows.get(event) ?? worst([])
      return [spell(windows.two), spell(windows.none)]
    }),
  ]),
)
console.log(text)
if (values.out === "docs") fill(new URL("../../docs/state.md", import.meta.url), "windows", text)

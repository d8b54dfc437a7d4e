/**
 * Five nodes as child processes that live through several tests. Each shares an entry and a user. Each has a host of its own
 * if the machine allows network namespaces, and otherwise they share the loopback.
 */
import * as Rendezvous from "@coterie/core/Rendezvous"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as path from "node:path"
import * as Child from "../../../../examples/support/Child.ts"
import type { Place } from "../../../node-transport/test/real/Members.ts"
import * as Namespaces from "../../../node-transport/test/real/Namespaces.ts"
import * as Signals from "../../../node-transport/test/real/Signals.ts"
import * as Protocol from "./Protocol.ts"

export const names = ["a", "b", "c", "d", "e"] as const
export type Name = (typeof names)[number]

export interface Node extends Child.Child, Signals.Signals {
  readonly name: Name
  readonly address: string
}

/** Bound of a step on a busy machine. It ends a test that would hang otherwise. */
const within = "120 seconds"

/** Matches a line that is a report of one kind and satisfies a condition. */
export const report = Child.reports(Protocol.decodeReport)

const loopback: Place = { host: "127.0.0.1", enter: [] }

const spawn = Effect.fnUntraced(function* (name: Name, place: Place, seeds: ReadonlyArray<string>) {
  const file = path.join(import.meta.dirname, "node.ts")
  const [command = process.execPath, ...args] = [...place.enter, process.execPath, file, name, place.host, ...seeds]
  const child = yield* Child.spawnCommand(name, command, args)
  const signals = yield* Signals.make(child)
  const { address } = yield* child.expect("that it listens", report("Listening"), { within })
  const node: Node = { ...child, ...signals, name, address }
  return node
})

export class Nodes extends Context.Service<
  Nodes,
  {
    /** Returns the present process of a node. */
    readonly node: (name: Name) => Node
    /** Starts a node again, which knows the others. It lives until the end of the tests. */
    readonly start: (name: Name) => Effect.Effect<Node, Child.ChildFailure>
    /** Runs an effect while no packet passes between two sets of nodes. */
    readonly whileCut: <A, E>(
      left: ReadonlyArray<Name>,
      right: ReadonlyArray<Name>,
      use: Effect.Effect<A, E>,
    ) => Effect.Effect<A, unknown>
  }
>()("test/Nodes") {}

export const say = (node: Node, command: Protocol.Command) => node.say(Protocol.encodeCommand(command))

/** Makes a node set its entry and track its user. */
export const share = (node: Node) =>
  Effect.andThen(
    say(node, { _tag: "Set", key: "own", value: node.name }),
    say(node, { _tag: "Track", user: `user-${node.name}` }),
  )

const make = Effect.gen(function* () {
  const network = Namespaces.missing === undefined ? yield* Namespaces.make(names.length) : undefined
  const context = yield* Effect.context<Scope.Scope | ChildProcessSpawner>()
  const running = new Map<Name, Node>()
  const start = Effect.fnUntraced(function* (name: Name) {
    const seeds = [...running.values()].filter((node) => node.name !== name).map(({ address }) => address)
    const started = yield* spawn(name, network?.hosts[names.indexOf(name)] ?? loopback, seeds)
    running.set(name, started)
    return started
  }, Effect.provideContext(context))
  const [first, ...rest] = names
  yield* start(first)
  yield* Effect.forEach(rest, start, { concurrency: "unbounded" })
  yield* Effect.forEach(running.values(), share)
  const node = (name: Name): Node => {
    const found = running.get(name)
    if (found === undefined) throw new Error(`there is no ${name}`)
    return found
  }
  return Nodes.of({
    node,
    start,
    whileCut: (left, right, use) => {
      if (network === undefined) return Effect.die(new Error("the nodes have no network of their own"))
      const hostsOf = (side: ReadonlyArray<Name>) =>
        network.hosts.filter((_, i) => side.some((name) => name === names[i]))
      const ways = hostsOf(left).flatMap((one) =>
        hostsOf(right).flatMap((other) => [[one, other] as const, [other, one] as const]),
      )
      return Effect.acquireUseRelease(
        Effect.forEach(ways, ([from, to]) => network.cut(from, to)),
        () => use,
        () => Effect.forEach(ways, ([from, to]) => network.mend(from, to)),
      )
    },
  })
})

export const layer: Layer.Layer<Nodes, unknown> = Layer.provide(Layer.effect(Nodes, make), Child.layer)

/** Returns the latest state of a node, or nothing if it has not reported one. */
export const latest = (node: Child.Child): Protocol.State | undefined =>
  node.since(Math.max(0, node.mark() - 1), report("State"))[0]

/** Waits until the state of a node satisfies a condition. Its latest report is its present state. */
export const until = (node: Node, what: string, holds: (state: Protocol.State) => boolean) =>
  node.expect(what, report("State", holds), { from: Math.max(0, node.mark() - 1), within })

/** Returns the states of a node since a mark. */
export const states = (node: Node, mark: number): ReadonlyArray<Protocol.State> => node.since(mark, report("State"))

/** Returns the keys that a node of a group should own. */
const keysOf = (name: string, members: ReadonlyArray<string>): ReadonlyArray<string> => {
  const [first, ...others] = members.map((member) => Rendezvous.candidate(member))
  if (first === undefined || members.length < Protocol.minimumMembers) return []
  return Protocol.keys.filter((key) => Rendezvous.owner([first, ...others], key).name === name)
}

const sorted = (record: Readonly<Record<string, unknown>>): string =>
  JSON.stringify(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)))

/** State on which all nodes should agree. */
export interface Shared {
  readonly entries: Readonly<Record<string, string>>
  readonly users: Readonly<Record<string, ReadonlyArray<string>>>
  readonly value: number
}

/** Waits until nodes have links to each other and to nobody else, and agree on everything. */
export const untilAgreed = (nodes: ReadonlyArray<Node>, shared: Shared) => {
  const members = nodes.map(({ name }) => name).sort()
  return Effect.forEach(
    nodes,
    (node) => {
      const others = members.filter((name) => name !== node.name)
      const mine = keysOf(node.name, members)
      const expected = { links: others, owners: others.map((name) => `${name} live`), members, mine, ...shared }
      return until(
        node,
        `that it knows ${JSON.stringify(expected)}`,
        (state) =>
          String(state.links) === String(others) &&
          sorted(state.owners) === sorted(Object.fromEntries(others.map((name) => [name, "live"]))) &&
          String(state.members) === String(members) &&
          String(state.mine) === String(mine) &&
          sorted(state.entries) === sorted(shared.entries) &&
          sorted(state.users) === sorted(shared.users) &&
          state.value === shared.value,
      )
    },
    { concurrency: "unbounded", discard: true },
  )
}

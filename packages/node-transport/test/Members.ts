/** The nodes of a cluster on real sockets, with restarts, and numbers that they send to each other. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { linked, type Node, until } from "./secretCluster.ts"
import { type Life, Traffic } from "./Traffic.ts"

/** Starts a node that joins at these addresses. */
export type Start<S, E> = (
  name: string,
  seeds: ReadonlyArray<string>,
  settings: S,
) => Effect.Effect<Node, E, Scope.Scope>

/** The nodes of a cluster, with their traffic. `S` are the settings with which a node starts. */
export class Members<S, E> {
  readonly traffic: Traffic
  private readonly lives = new Map<string, Life & { readonly talks: Scope.Closeable }>()
  private readonly ended: Array<Life> = []
  private restarts = 0

  private readonly start: Start<S, E>

  /** `sendPause` is the time in milliseconds between two messages from one node to another. */
  constructor(sendPause: number, start: Start<S, E>) {
    this.start = start
    this.traffic = new Traffic(sendPause)
  }

  get nodes() {
    return [...this.lives.values()].map(({ node }) => node)
  }

  /** Events of all lives. */
  get events(): ReadonlyArray<string> {
    return [...this.ended, ...this.lives.values()].flatMap(({ name, node }) =>
      node.events.map((event) => `${name}: ${event}`),
    )
  }

  /** Starts a node, and its traffic with all others. */
  readonly join = Effect.fnUntraced(function* (this: Members<S, E>, name: string, settings: S) {
    const node = yield* this.start(
      name,
      this.nodes.map(({ address }) => address),
      settings,
    )
    const talks = yield* Scope.fork(yield* Effect.scope)
    const life = { name: `${name}${this.restarts}`, node, talks }
    const others = [...this.lives.values()]
    this.lives.set(name, life)
    yield* linked(this.nodes)
    yield* this.traffic.receive(life)
    for (const other of others) {
      // The traffic of two ends when one of them does.
      const both = yield* Scope.fork(talks)
      yield* Effect.andThen(this.traffic.send(life, other), this.traffic.send(other, life)).pipe(Scope.provide(both))
      yield* Scope.addFinalizer(other.talks, Scope.close(both, Exit.void))
    }
  })

  readonly leave = Effect.fnUntraced(function* (this: Members<S, E>, name: string) {
    const life = this.lives.get(name)
    if (life === undefined) return yield* Effect.die(`there is no node ${name}`)
    yield* Scope.close(life.talks, Exit.void)
    this.lives.delete(name)
    this.ended.push(life)
    yield* life.node.stop
    yield* until(() => this.nodes.every(({ cluster }) => !cluster.viewUnsafe().peers.has(name)))
  })

  readonly restart = Effect.fnUntraced(function* (this: Members<S, E>, name: string, settings: S) {
    yield* this.leave(name)
    this.restarts++
    yield* this.join(name, settings)
  })

  /** Returns the node of a name. */
  node(name: string): Node {
    const life = this.lives.get(name)
    if (life === undefined) throw new Error(`there is no node ${name}`)
    return life.node
  }
}

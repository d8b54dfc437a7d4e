/** Nodes on real sockets that talk to each other without a pause, while the test changes what they prove. */
import type * as Admission from "@coterie/core/Admission"
import * as Cluster from "@coterie/core/Cluster"
import * as Transport from "@coterie/core/Transport"
import { assert } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

/** Connections of all nodes by what they prove, each end counted. */
export class OpenProofs {
  private readonly counts = new Map<string, number>()
  private readonly proofOf: (identity: Transport.Identity) => string
  private openedCount = 0

  /** `proofOf` names the group of a connection. */
  constructor(proofOf: (identity: Transport.Identity) => string) {
    this.proofOf = proofOf
  }

  /** Number of connections that were ever open, each end counted. */
  get opened(): number {
    return this.openedCount
  }

  count(proof: string): number {
    return this.counts.get(proof) ?? 0
  }

  /** Counts the connection until the scope closes. */
  readonly track = ({ identity }: Transport.Connection) => {
    const proof = identity === undefined ? "none" : this.proofOf(identity)
    const add = (count: number) => Effect.sync(() => this.counts.set(proof, this.count(proof) + count))
    this.openedCount++
    return Effect.acquireRelease(add(1), () => add(-1))
  }
}

/** Counts the connections of the transport. */
export const counted = (open: OpenProofs): Layer.Layer<Transport.Transport, never, Transport.Transport> =>
  Layer.effect(
    Transport.Transport,
    Effect.map(Transport.Transport, ({ connect, listen }) => ({
      connect: (address) => Effect.tap(connect(address), open.track),
      listen: Effect.map(listen, ({ addresses, run }) => ({
        addresses,
        run: (handler) =>
          run((connection) => Effect.scoped(Effect.andThen(open.track(connection), handler(connection)))),
      })),
    })),
  )

/** Waits until this is so. */
export const until = (condition: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => (condition() ? Effect.void : Effect.andThen(Effect.sleep("20 millis"), until(condition))))

/** A node of the cluster. */
export interface Node {
  readonly name: string
  readonly address: string
  readonly cluster: Cluster.Cluster["Service"]
}

/** Starts a node on a transport. */
export const start = <E>(
  name: string,
  transport: Layer.Layer<Transport.Transport, E>,
  policies: ReadonlyArray<Layer.Layer<Admission.Admission>> = [],
) =>
  Effect.gen(function* () {
    const layer = Cluster.layer({ cluster: "rotation", name, policies }).pipe(Layer.provide(transport))
    const cluster = Context.get(yield* Layer.build(layer), Cluster.Cluster)
    const [address] = (yield* cluster.self).addresses
    const node: Node = { address: address ?? assert.fail("a node has an address"), cluster, name }
    return node
  })

/** Joins all nodes, and waits until each has a link to each other. */
export const join = Effect.fnUntraced(function* (nodes: ReadonlyArray<Node>) {
  for (const { cluster } of nodes.slice(1)) yield* cluster.join(nodes[0]?.address ?? "")
  for (const { cluster } of nodes) {
    yield* Stream.runHead(
      Stream.filter(
        cluster.views,
        ({ peers }) => [...peers.values()].filter(({ link }) => link === "up").length === nodes.length - 1,
      ),
    )
  }
})

/** Sends numbers until it is stopped. Returns how many it sent. */
const talk = (from: Node, to: Node, isStopped: () => boolean) =>
  Effect.gen(function* () {
    let sent = 0
    while (!isStopped()) {
      yield* from.cluster.send(to.name, String(sent))
      sent++
      yield* Effect.sleep("1 millis")
    }
    return sent
  })

/** Collects the events of a node after its first one, and the numbers that it received from each peer. */
const hear = Effect.fnUntraced(function* ({ cluster }: Node) {
  const events: Array<string> = []
  const received = new Map<string, Array<number>>()
  yield* Effect.forkScoped(
    Stream.runForEach(Stream.drop(cluster.events, 1), ({ _tag }) => Effect.sync(() => events.push(_tag))),
  )
  yield* Effect.forkScoped(
    Stream.runForEach(cluster.inbox, ({ from, text }) =>
      Effect.sync(() => {
        const numbers = received.get(from.name)
        if (numbers === undefined) received.set(from.name, [Number(text)])
        else numbers.push(Number(text))
      }),
    ),
  )
  return { events, received }
})

/**
 * Lets each node send to each other without a pause while the effect runs. Checks that no message was lost, repeated or reordered, and
 * that no node emitted an event.
 */
export const underLoad = <E, R>(nodes: ReadonlyArray<Node>, change: Effect.Effect<void, E, R>) =>
  Effect.gen(function* () {
    let isStopped = false
    const heard = new Map<string, Effect.Success<ReturnType<typeof hear>>>()
    for (const node of nodes) heard.set(node.name, yield* hear(node))
    const talks = []
    for (const from of nodes) {
      for (const to of nodes) {
        if (from === to) continue
        const fiber = yield* Effect.forkScoped(talk(from, to, () => isStopped))
        talks.push({ fiber, from: from.name, to: to.name })
      }
    }
    yield* change
    isStopped = true
    for (const { fiber, from, to } of talks) {
      const sent = yield* Fiber.join(fiber)
      const numbers = () => heard.get(to)?.received.get(from) ?? []
      yield* until(() => numbers().length >= sent)
      assert.deepStrictEqual(
        numbers(),
        Array.from({ length: sent }, (_, i) => i),
        `${from} to ${to}`,
      )
    }
    for (const { events } of heard.values()) assert.deepStrictEqual(events, [])
  })

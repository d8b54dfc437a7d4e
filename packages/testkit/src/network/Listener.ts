/** What listens, and the handlers of what arrives there. */
import * as Address from "@coterie/core/Address"
import type * as Transport from "@coterie/core/Transport"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { Connections } from "./Connections.ts"
import { connection } from "./connection.ts"
import { closed, failure } from "./failure.ts"
import type { Node } from "./Host.ts"
import type { End } from "./Link.ts"

export class OpenListener {
  readonly node: Node
  readonly address: Address.Address
  /** Accepted by the host, and not by the program yet. */
  private backlog: Array<End> = []
  /** Starts a handler, while there is somebody to run it. */
  private accept: ((end: End) => void) | undefined

  constructor(node: Node, address: Address.Address) {
    this.node = node
    this.address = address
  }

  /** A connection has arrived. */
  offer(end: End): void {
    this.backlog.push(end)
    if (this.accept !== undefined) this.node.process.enqueue(this.handOver)
  }

  /** From inside of the process. */
  private readonly handOver = (): void => {
    const { accept } = this
    if (accept !== undefined) for (const end of this.takeBacklog()) accept(end)
  }

  /** What waits is the caller's now. */
  takeBacklog(): ReadonlyArray<End> {
    const { backlog } = this
    this.backlog = []
    return backlog
  }

  begin(accept: (end: End) => void): void {
    this.accept = accept
    this.handOver()
  }

  stop(): void {
    this.accept = undefined
  }
}

/** All that listen in one network. */
export class Listeners {
  readonly open = new Map<Address.Address, OpenListener>()

  private freePort(host: string): number {
    for (let port = 49152; port < 65535; port++) {
      const address = Address.make(host, port)
      if (Result.isSuccess(address) && !this.open.has(address.success)) return port
    }
    return 65535
  }

  add(node: Node, wanted: number): Result.Result<OpenListener, Transport.TransportError> {
    const { name } = node.host
    const address = Address.make(name, wanted === 0 ? this.freePort(name) : wanted)
    if (Result.isFailure(address)) return Result.fail(failure("listen", address.failure.message))
    if (!node.alive) return Result.fail(failure("listen", `${name} has crashed: build its transport again`))
    if (this.open.has(address.success)) {
      return Result.fail(failure("listen", `port ${wanted} on ${name} is in use: pick another, or 0 for any free one`))
    }
    const listener = new OpenListener(node, address.success)
    this.open.set(listener.address, listener)
    node.host.listeners++
    return Result.succeed(listener)
  }

  /** Frees the address. */
  remove(listener: OpenListener): void {
    listener.stop()
    // After a crash the address may be somebody else's.
    if (this.open.get(listener.address) !== listener) return
    this.open.delete(listener.address)
    listener.node.host.listeners--
  }
}

/** Listens at the node, until the scope is closed. */
export const listen = (
  listeners: Listeners,
  connections: Connections,
  node: Node,
  port: number,
): Effect.Effect<Transport.Listener, Transport.TransportError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.suspend(() => Effect.fromResult(listeners.add(node, port))),
    (listener) =>
      Effect.sync(() => {
        listeners.remove(listener)
        for (const end of listener.takeBacklog()) connections.reset(end, closed(end))
      }),
  ).pipe(Effect.map((listener): Transport.Listener => ({ address: listener.address, run: run(connections, listener) })))

const run =
  (connections: Connections, listener: OpenListener): Transport.Listener["run"] =>
  <R>(handler: (connection: Transport.Connection) => Effect.Effect<void, never, R>) =>
    Effect.scoped(
      Effect.gen(function* () {
        const fork = yield* FiberSet.makeRuntime<Exclude<R, Scope.Scope>>()
        yield* Effect.addFinalizer(() => Effect.sync(() => listener.stop()))
        listener.begin((end) => {
          fork(
            Effect.acquireRelease(Effect.succeed(connection(connections, end)), () =>
              Effect.sync(() => connections.close(end)),
            ).pipe(
              // The handler starts outside of this call, so whoever it wakes finds it forked.
              Effect.tap(Effect.yieldNow),
              Effect.flatMap(handler),
              Effect.scoped,
              Effect.ignoreCause({ log: "Error", message: "The handler of a connection died" }),
            ),
          )
        })
        return yield* Effect.never
      }),
    )

/**
 * The shared values of one node: what the node knows of them, and the owned map with which the nodes tell each other.
 * All values of a node use one map, which is open while at least one of them is.
 */
import type * as ChangeFeed from "@coterie/core/ChangeFeed"
import { Cluster, type Status } from "@coterie/core/Cluster"
import { OptionsError } from "@coterie/core/ClusterError"
import type { NodeLog } from "@coterie/core/NodeLog"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Closed, EntryTooLarge, Exhausted, Full, StateError, type StateErrorReason } from "../../StateError.ts"
import { addComponent } from "../addComponent.ts"
import type { MapRole } from "../MapRole.ts"
import { openAs } from "../openMap.ts"
import { nameProblem } from "../names.ts"
import { boundsOf, checkCount } from "../options.ts"
import { Overrides } from "../Overrides.ts"
import { sharedByNode } from "../sharedByNode.ts"
import type { Change, OwnedMap, View } from "../Service.ts"
import type { KnownValues } from "./KnownValues.ts"
import { boundsWithin, Limits, mapLimits, type NodeBounds } from "./limits.ts"
import { Ranking } from "./Ranking.ts"
import { addValueMetrics, type ValueMetrics } from "./valueMetrics.ts"
import { type Write, writeWithin } from "./Write.ts"

/** Name of the map. */
const mapName = "coterie.values"

/** Time to wait for the values of other nodes before the first write. */
const syncTimeout = "1 second"

/** Time for which a node that closes its values waits until another node publishes what it has written. */
const handOverTimeout = "1 second"

/** Values whose publication is decided in one step. It bounds the step after a node has come or gone. */
const batch = 128

/** Gets the changes of one value, in the step in which they happen. The effects report them, and run after the step. */
export interface Listener {
  readonly onWrite: (write: Write) => Effect.Effect<void>
  readonly onConflict: (won: Write, lost: Write) => Effect.Effect<void>
}

type Item = ChangeFeed.Item<View<string, Write>, Change<string, Write>>

export interface Options {
  readonly map: OwnedMap<string, Write>
  readonly known: KnownValues
  readonly bounds: NodeBounds
  readonly clock: Clock.Clock
  readonly metrics: ValueMetrics
  readonly log: NodeLog
  /** Status of the node. */
  readonly status: Effect.Effect<Status>
}

export class ValueStore {
  /** Waits until the node has the values of all others, or has waited long enough. */
  readonly ready: Effect.Effect<void>
  readonly synced: Effect.Effect<void>
  readonly metrics: ValueMetrics
  readonly log: NodeLog
  private readonly options: Options
  private readonly listeners = new Map<string, Listener>()
  private readonly wake = Latch.makeUnsafe(true)
  private readonly arrived = Latch.makeUnsafe(false)
  private readonly isReady = Latch.makeUnsafe(false)
  private isClosed = false

  constructor(options: Options) {
    this.options = options
    this.metrics = options.metrics
    this.log = options.log
    this.ready = this.isReady.await
    this.synced = options.map.synced
  }

  /** Follows and publishes the values until the node has left. */
  readonly run: Effect.Effect<void> = Effect.suspend(() => {
    const { map } = this.options
    const follow = Stream.runForEachArray(map.changes, (items) => Effect.suspend(() => this.apply(items)))
    const waiting = Effect.andThen(Effect.timeoutOption(map.synced, syncTimeout), this.isReady.open)
    const others = Effect.all([this.publishing, waiting], { concurrency: 2 })
    return Effect.ensuring(Effect.raceFirst(follow, Effect.andThen(others, Effect.never)), Effect.sync(this.close))
  })

  /** Ends all waits. */
  readonly close = (): void => {
    this.isClosed = true
    this.isReady.openUnsafe()
    this.arrived.openUnsafe()
  }

  /** Waits until another node publishes the writes of this node, so that a write right before the end is not lost. */
  readonly handOver: Effect.Effect<void> = Effect.suspend(() =>
    Effect.asVoid(Effect.timeoutOption(this.handingOver, handOverTimeout)),
  )

  private readonly handingOver: Effect.Effect<void> = Effect.suspend(() => {
    if (this.isClosed || this.options.known.isHandedOver) return Effect.void
    this.arrived.closeUnsafe()
    return Effect.andThen(this.arrived.await, this.handingOver)
  })

  /** Registers the listener of a value until the scope closes. Fails if the value is already open. */
  listen(name: string, listener: Listener): Effect.Effect<void, OptionsError, Scope.Scope> {
    const register = Effect.suspend(() => {
      if (this.listeners.has(name)) {
        const problem = `the value "${name}" is already open on this node. Open it once, and share it as a service`
        return Effect.fail(new OptionsError({ option: "name", problem }))
      }
      this.listeners.set(name, listener)
      const best = this.options.known.best(name)
      return best === undefined ? Effect.void : listener.onWrite(best)
    })
    return Effect.asVoid(Effect.acquireRelease(register, () => Effect.sync(() => this.listeners.delete(name))))
  }

  /** Writes the bytes that `encode` returns, in the step in which it returns them. */
  write(name: string, encode: () => Result.Result<Uint8Array, StateErrorReason>): Effect.Effect<void, StateError> {
    // The fiber that closes the values may run after the fiber that waited for the node to leave.
    return Effect.flatMap(this.options.status, (status) => {
      const isOver = this.isClosed || status._tag === "Stopped"
      const written = isOver ? Result.fail(new Closed()) : Result.flatMap(encode(), (bytes) => this.put(name, bytes))
      if (Result.isFailure(written)) return Effect.fail(errorOf(name, written.failure))
      // If the caller is interrupted here, `publishing` does it.
      return Effect.andThen(this.notify(), this.publish(name))
    })
  }

  private put(name: string, bytes: Uint8Array): Result.Result<void, StateErrorReason> {
    const { bounds, clock, known } = this.options
    const { entryBound: bound, entryBytes: limit } = bounds
    if (bytes.length > limit) return Result.fail(new EntryTooLarge({ key: name, bytes: bytes.length, bound, limit }))
    const written = known.write(name, bytes, clock.currentTimeMillisUnsafe())
    if (Result.isFailure(written))
      return Result.fail(
        written.failure === "full"
          ? new Full({ bound: "limits.values", limit: bounds.values })
          : new Exhausted({ key: name }),
      )
    return Result.void
  }

  // ---- input ----

  private apply(items: ReadonlyArray<Item>): Effect.Effect<void> {
    const now = this.options.clock.currentTimeMillisUnsafe()
    for (const item of items) this.applyOne(item, now)
    this.arrived.openUnsafe()
    return this.notify()
  }

  private applyOne(item: Item, now: number): void {
    const { known } = this.options
    switch (item._tag) {
      case "Snapshot":
        known.reset()
        for (const [name, { state }] of item.state.owners) known.ownerChanged(name, state === "live")
        for (const { key, owner, value } of item.state.entries) known.received(owner.name, key, value, now)
        return
      case "Set":
        return known.received(item.entry.owner.name, item.entry.key, item.entry.value, now)
      case "Removed":
        return known.removed(item.entry.owner.name, item.entry.key)
      case "OwnerChanged":
        return known.ownerChanged(item.name, item.owner?.state === "live")
      case "Lagged":
    }
  }

  /** Tells the listeners, and wakes the publication. Returns the effects that report what has happened. */
  private notify(): Effect.Effect<void> {
    const { known, metrics } = this.options
    const { ahead, changed, conflicts, refused } = known.take()
    this.wake.openUnsafe()
    const reports: Array<Effect.Effect<void>> = []
    for (const name of changed) {
      const [best, listener] = [known.best(name), this.listeners.get(name)]
      if (best !== undefined && listener !== undefined) reports.push(listener.onWrite(best))
    }
    for (const { lost, name, won } of conflicts) {
      metrics.conflicts.increment()
      const listener = this.listeners.get(name)
      if (listener !== undefined) reports.push(listener.onConflict(won, lost))
    }
    for (const _ of ahead) metrics.ahead.increment()
    for (const _ of refused) metrics.refused.increment()
    reports.push(this.warnAhead(ahead[0]), this.warnRefused(refused[0]))
    return Effect.all(reports, { discard: true })
  }

  private warnAhead(first: ReturnType<KnownValues["take"]>["ahead"][number] | undefined): Effect.Effect<void> {
    if (first === undefined) return Effect.void
    const { millis, name, write } = first
    const seconds = Math.round(millis / 1_000)
    const text =
      `state: the write of the value "${name}" by "${write.stamp.by.name}" has a stamp ${seconds} s ahead of the clock of ` +
      `this node. A write that has not seen it loses until then. Synchronize the clocks`
    return this.log.write({ level: "Warn", kind: "stamps ahead of the clock", subject: write.stamp.by.name, text })
  }

  private warnRefused(name: string | undefined): Effect.Effect<void> {
    if (name === undefined) return Effect.void
    const { values } = this.options.bounds
    const text = `state: the value "${name}" is ignored, because this node keeps ${values} others`
    return this.log.write({ level: "Warn", kind: "ignored values", subject: name, text })
  }

  // ---- output ----

  /** Decides for each value whether this node publishes it, whenever that may have changed. */
  private readonly publishing: Effect.Effect<never> = Effect.forever(
    Effect.suspend(() => {
      const names = this.options.known.takeDirty(batch)
      if (names.length === 0) {
        this.wake.closeUnsafe()
        return this.wake.await
      }
      return Effect.andThen(
        Effect.forEach(names, (name) => Effect.catch(this.publish(name), (error) => this.unpublished(error)), {
          discard: true,
        }),
        Effect.yieldNow,
      )
    }),
  )

  private publish(name: string): Effect.Effect<void, StateError> {
    return Effect.suspend(() => {
      const { known, map } = this.options
      const change = known.change(name)
      if (change === undefined) return Effect.void
      const published = change === "remove" ? Effect.asVoid(map.remove(name)) : map.set(name, change)
      return Effect.mapError(published, ({ reason }) => errorOf(name, reason))
    })
  }

  private unpublished(error: StateError): Effect.Effect<void> {
    if (error.reason._tag === "Closed") return Effect.void
    const text = `state: a value is not published: ${error.message}`
    return this.log.write({ level: "Warn", kind: "unpublished values", subject: undefined, text })
  }
}

const errorOf = (name: string, reason: StateErrorReason): StateError =>
  new StateError({ subject: { kind: "value", name }, reason })

/** Role of the map. The errors of a write have the value as their subject. */
const role: MapRole = { subject: { kind: "map", name: mapName }, text: "the shared values", keyOf: (key) => key }

/** Opens the values of a node once, for all of its users. */
export const open: Effect.Effect<ValueStore, OptionsError, Cluster | Scope.Scope> = sharedByNode(
  Effect.gen(function* () {
    const cluster = yield* Cluster
    const clock = yield* Clock.Clock
    const given = yield* Limits
    yield* checkCount("limits.values", given.values, 1)
    yield* checkCount("limits.entryBytes", given.entryBytes, 1)
    const limits = mapLimits(given)
    const bounds = boundsWithin(given, yield* boundsOf(limits, cluster.limits.messageBytes))
    const { makeKnownValues } = yield* Overrides
    const opened = yield* openAs(role, mapName, {
      key: Schema.String.check(Schema.makeFilter((name) => nameProblem("value", name))),
      value: writeWithin(bounds.entryBytes),
      limits,
    })
    const map = opened.service()
    const metrics = addValueMetrics(cluster.metrics)
    const known = makeKnownValues({
      self: () => cluster.viewUnsafe().self,
      limit: bounds.values,
      outranks: new Ranking().outranks,
    })
    const { log, status } = cluster
    const store = new ValueStore({ map, known, bounds, clock, metrics, log, status })
    yield* Effect.acquireRelease(
      Effect.sync(() => metrics.observe(() => known.size)),
      (remove) => Effect.sync(remove),
    )
    yield* addComponent({
      kind: "values",
      name: mapName,
      describe: () => ({ facts: { values: known.size, limit: bounds.values }, rows: known.describe() }),
    })
    yield* Effect.forkScoped(store.run)
    // The scope may close before the fiber begins.
    yield* Effect.addFinalizer(() => Effect.sync(store.close))
    yield* Effect.addFinalizer(() => store.handOver)
    return store
  }),
)

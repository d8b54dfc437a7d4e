/** The typed side of a map: the own entries, the copies of the entries of others, and the changes of both. */
import * as ChangeFeed from "@coterie/core/ChangeFeed"
import type { Cluster } from "@coterie/core/Cluster"
import type { Lane } from "@coterie/core/Lane"
import type { Message } from "@coterie/core/Message"
import type { Description } from "@coterie/core/NodeComponents"
import type { PeerId } from "@coterie/core/Peer"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import type {
  Batch,
  Change,
  Entry,
  Gone,
  Options as MapOptions,
  OwnedMap,
  Owner,
  OwnerState,
  ScopedEntry,
  View,
} from "./Service.ts"
import { Closed, Full, StateError, type StateErrorReason } from "../StateError.ts"
import type { Contents } from "./contents.ts"
import { type EncodedEntry, EntryCodec } from "./EntryCodec.ts"
import type { Sizes } from "./mapMetrics.ts"
import type { MapObserver } from "./MapObserver.ts"
import type { MapRole } from "./MapRole.ts"
import type { Bounds } from "./options.ts"
import type { Overrides } from "./Overrides.ts"
import { type CountedEvent, Replica } from "./Replica.ts"
import type { Outputs } from "./replication/Mirrors.ts"
import type { Setting } from "./replication/OwnEntries.ts"
import type { MirrorChange } from "./replication/StagedBatch.ts"
import { rowsOf } from "./rowsOf.ts"

/** Stands for an entry of an owner that does not match the schemas of this node. */
const undecodable = Symbol("undecodable")

type Copy<K, V> = Entry<K, V> | typeof undecodable

/** One scope that has an own entry, with the finalizer that removes it. */
interface Hold {
  readonly isOpen: () => boolean
  readonly finalizer: () => Effect.Effect<void>
}

/** One of the scopes that may share an entry. */
interface Share {
  readonly encodedKey: string
  isOpen: boolean
}

export interface Options<K, V> {
  readonly name: string
  readonly role: MapRole
  readonly schemas: Pick<MapOptions<K, V>, "key" | "value">
  readonly bounds: Bounds
  readonly cluster: Cluster["Service"]
  readonly lane: Lane
  readonly epoch: number
  readonly nonce: number
  readonly parts: Overrides
  readonly count: (what: CountedEvent) => void
  readonly observer: MapObserver<K, V> | undefined
}

export class TypedMap<K, V> implements Sizes {
  private readonly options: Options<K, V>
  private readonly codec: EntryCodec<K, V>
  private readonly replica: Replica<Entry<K, V>, Copy<K, V>>
  private readonly feed: ChangeFeed.ChangeFeed<View<K, V>, Change<K, V>>
  /** Number of scopes that share an own entry, by encoded key. */
  private readonly shares = new Map<string, number>()
  /** Owners as the subscribers of the changes know them. */
  private readonly owners = new Map<string, Owner>()
  /** Entries of the present part that do not decode. */
  private undecodable: Array<string> = []
  private self: PeerId
  private isClosed = false

  constructor(options: Options<K, V>, self: PeerId, clock: Clock.Clock, fork: (effect: Effect.Effect<void>) => void) {
    const { bounds, cluster, count, epoch, lane, nonce, parts, role, schemas } = options
    this.options = options
    this.self = self
    this.codec = new EntryCodec(schemas, cluster.serialization, bounds, role.keyOf)
    this.feed = ChangeFeed.makeUnsafe({ state: () => this.view(), capacity: bounds.changeBuffer })
    const replica = {
      parts,
      lane,
      log: cluster.log,
      role,
      bounds,
      epoch,
      nonce,
      count,
      decode: (owner: PeerId, key: string, value: Uint8Array) => this.decode(owner, key, value),
      afterPart: (message: Message) => this.afterPart(message),
      onOutputs: (outputs: Outputs<Copy<K, V>>) => this.publish(this.stepOf(outputs)),
      onSelf: ({ generation, name }: PeerId) => {
        this.self = { name, generation }
      },
    }
    this.replica = new Replica(replica, clock, fork)
  }

  /** Makes the map, and replicates it until the scope closes or the node leaves. */
  static readonly make = Effect.fnUntraced(function* <K, V>(options: Options<K, V>) {
    const { cluster, lane } = options
    const clock = yield* Clock.Clock
    const { generation, name } = yield* cluster.self
    const items = yield* lane.open({ view: true })
    const run = yield* FiberSet.makeRuntime<never, void>()
    const map = new TypedMap(options, { name, generation }, clock, (effect) => void run(effect))
    yield* Effect.forkScoped(Effect.ensuring(map.replica.run(items), Effect.sync(map.close)))
    yield* Effect.addFinalizer(() => Effect.sync(map.close))
    return map
  })

  // ---- the service ----

  readonly service = (): OwnedMap<K, V> => ({
    name: this.options.name,
    set: (key, value) => this.step(() => Result.flatMap(this.codec.encode(key, value), (entry) => this.put([entry]))),
    remove: (key) => this.step(() => Result.flatMap(this.codec.encodeKey(key), (encodedKey) => this.drop(encodedKey))),
    update: (key, change) => this.step(() => this.update(key, change)),
    setAll: (entries) => this.step(() => this.setAll(entries)),
    batch: (changes) => this.step(() => this.batch(changes)),
    entry: (key, value) => this.entry(key, value),
    get: (key) => this.step(() => Result.map(this.codec.encodeKey(key), (encodedKey) => this.get(encodedKey)), false),
    own: Effect.sync(() => [...this.replica.entries.entries()]),
    view: Effect.sync(() => this.view()),
    owners: Effect.sync(() => new Map(this.owners)),
    changes: this.feed.changes,
    synced: Effect.andThen(
      Effect.ignore(this.options.cluster.settled),
      Effect.andThen(this.replica.awaitSynced, Effect.yieldNow),
    ),
    deadLetters: this.options.lane.deadLetters,
  })

  readonly close = (): void => {
    this.isClosed = true
    // The scope may close before the fiber of the replication begins.
    this.replica.close()
    this.feed.endUnsafe()
    this.options.observer?.onClosed()
  }

  /** Runs a step of the service, and adds the subject to its error. */
  private step<A>(run: () => Result.Result<A, StateErrorReason>, needsOpen = true): Effect.Effect<A, StateError> {
    // The fiber that closes the map may run after the fiber that waited for the node to leave.
    return Effect.flatMap(this.options.cluster.status, (status) => {
      const isOver = this.isClosed || status._tag === "Stopped"
      const result: Result.Result<A, StateErrorReason> = needsOpen && isOver ? Result.fail(new Closed()) : run()
      if (Result.isSuccess(result)) return Effect.succeed(result.success)
      return Effect.fail(new StateError({ subject: this.options.role.subject, reason: result.failure }))
    })
  }

  private put(entries: Iterable<EncodedEntry<K, V>>, removed: Iterable<string> = []): Result.Result<void, Full> {
    const changes = new Map<string, Setting<Entry<K, V>> | undefined>()
    for (const key of removed) changes.set(key, undefined)
    for (const { bytes, encodedKey, key, value } of entries)
      changes.set(encodedKey, { bytes, entry: { owner: this.self, key, encodedKey, value } })
    const outcome = this.replica.change(changes)
    if (Result.isFailure(outcome)) {
      const { ownerBytes, ownerEntries } = this.options.bounds
      return Result.fail(
        outcome.failure === "entries"
          ? new Full({ bound: "limits.ownerEntries", limit: ownerEntries })
          : new Full({ bound: "limits.ownerBytes", limit: ownerBytes }),
      )
    }
    const step: Array<Change<K, V>> = []
    for (const { entry, previous } of outcome.success) {
      const value = Option.map(Option.fromUndefinedOr(previous), (old) => old.value)
      if (entry !== undefined) step.push({ _tag: "Set", entry, previous: value })
      else if (previous !== undefined) step.push({ _tag: "Removed", entry: previous, why: "removed" })
    }
    this.publish(step)
    return Result.void
  }

  /** Publishes the changes of one step. */
  private publish(step: ReadonlyArray<Change<K, V>>): void {
    for (const change of step) this.feed.publishUnsafe(change)
    this.options.observer?.onStep(step, this.replica.reach)
  }

  private drop(encodedKey: string): Result.Result<boolean, Full> {
    const hasEntry = this.replica.entries.get(encodedKey) !== undefined
    return Result.map(this.put([], [encodedKey]), () => hasEntry)
  }

  private update(key: K, change: (value: V) => V): Result.Result<boolean, StateErrorReason> {
    return Result.flatMap(this.codec.encodeKey(key), (encodedKey): Result.Result<boolean, StateErrorReason> => {
      const entry = this.replica.entries.get(encodedKey)
      if (entry === undefined) return Result.succeed(false)
      const next = this.codec.encode(key, change(entry.value))
      return Result.map(
        Result.flatMap(next, (encoded) => this.put([encoded])),
        () => true,
      )
    })
  }

  private setAll(entries: Iterable<readonly [K, V]>): Result.Result<void, StateErrorReason> {
    return Result.flatMap(this.encodeAll(entries), (encoded) => {
      const keys = new Set(encoded.map(({ encodedKey }) => encodedKey))
      return this.put(
        encoded,
        [...this.replica.entries.keys()].filter((key) => !keys.has(key)),
      )
    })
  }

  private batch({ remove = [], set = [] }: Batch<K, V>): Result.Result<void, StateErrorReason> {
    return Result.flatMap(this.encodeAll(set), (encoded) =>
      Result.flatMap(Result.all(Array.from(remove, (key) => this.codec.encodeKey(key))), (removed) =>
        this.put(encoded, removed),
      ),
    )
  }

  private encodeAll(
    entries: Iterable<readonly [K, V]>,
  ): Result.Result<ReadonlyArray<EncodedEntry<K, V>>, StateErrorReason> {
    const encoded: Array<EncodedEntry<K, V>> = []
    for (const [key, value] of entries) {
      const entry = this.codec.encode(key, value)
      if (Result.isFailure(entry)) return Result.fail(entry.failure)
      encoded.push(entry.success)
    }
    return Result.succeed(encoded)
  }

  private entry(key: K, value: V): ReturnType<OwnedMap<K, V>["entry"]> {
    return this.scoped(key, value, (encodedKey) => {
      const share: Share = { encodedKey, isOpen: true }
      this.shares.set(encodedKey, (this.shares.get(encodedKey) ?? 0) + 1)
      return { isOpen: () => share.isOpen, finalizer: TypedMap.endOfShare(this, share) }
    })
  }

  /** Sets an own entry whose key nobody else uses, and removes it when the scope closes. */
  readonly claim: OwnedMap<K, V>["entry"] = (key, value) =>
    this.scoped(key, value, (encodedKey) => ({
      isOpen: () => this.replica.entries.get(encodedKey) !== undefined,
      finalizer: TypedMap.endOfClaim(this, encodedKey),
    }))

  private scoped(
    key: K,
    value: V,
    hold: (encodedKey: string) => Hold,
  ): Effect.Effect<ScopedEntry<V>, StateError, Scope.Scope> {
    const acquire = this.step(() =>
      Result.flatMap(this.codec.encode(key, value), (encoded) =>
        Result.map(this.put([encoded]), () => hold(encoded.encodedKey)),
      ),
    )
    const acquireIn = (scope: Scope.Scope) =>
      Effect.flatMap(acquire, ({ finalizer, isOpen }) => {
        const set = (next: V) =>
          this.step(() =>
            isOpen()
              ? Result.flatMap(this.codec.encode(key, next), (encoded) => this.put([encoded]))
              : Result.fail(new Closed()),
          )
        return Effect.as(Scope.addFinalizerExit(scope, finalizer), { set })
      })
    return Effect.uninterruptible(Effect.flatMap(Effect.scope, acquireIn))
  }

  // A finalizer lives as long as its entry. Each of these functions makes one that keeps its two arguments and no more.
  // The finalizer of `Effect.acquireRelease` keeps the services of the caller and some closures: 500 bytes for each entry.

  private static endOfShare<K, V>(map: TypedMap<K, V>, share: Share): Hold["finalizer"] {
    return () => Effect.sync(() => map.endShare(share))
  }

  private static endOfClaim<K, V>(map: TypedMap<K, V>, encodedKey: string): Hold["finalizer"] {
    return () => Effect.sync(() => map.end(encodedKey))
  }

  private endShare(share: Share): void {
    share.isOpen = false
    const count = (this.shares.get(share.encodedKey) ?? 1) - 1
    if (count > 0) this.shares.set(share.encodedKey, count)
    else {
      this.shares.delete(share.encodedKey)
      this.end(share.encodedKey)
    }
  }

  /** Removes an entry, unless the map is closed. A removal is never refused. */
  private end(encodedKey: string): void {
    if (!this.isClosed) this.drop(encodedKey)
  }

  private get(encodedKey: string): ReadonlyArray<Entry<K, V>> {
    const entries: Array<Entry<K, V>> = []
    const own = this.replica.entries.get(encodedKey)
    if (own !== undefined) entries.push(own)
    for (const { entries: copies } of this.replica.mirrors.mirrors.values()) {
      const copy = copies.get(encodedKey)
      if (copy !== undefined && copy !== undecodable) entries.push(copy)
    }
    return entries
  }

  private view(): View<K, V> {
    return { entries: [...this.entries()], owners: new Map(this.owners) }
  }

  /** Yields the entries of all owners, this node first. */
  private *entries(): Generator<Entry<K, V>> {
    yield* this.replica.entries.entries()
    for (const { entries: copies } of this.replica.mirrors.mirrors.values()) {
      for (const [, copy] of copies) if (copy !== undecodable) yield copy
    }
  }

  // ---- replication ----

  private decode(owner: PeerId, key: string, value: Uint8Array): Copy<K, V> {
    const entry = this.codec.decode(owner, key, value)
    if (Result.isSuccess(entry)) return entry.success
    this.undecodable.push(entry.failure)
    return undecodable
  }

  private afterPart(message: Message): Effect.Effect<void> {
    const { undecodable: reasons } = this
    const [first] = reasons
    if (first === undefined) return Effect.void
    this.undecodable = []
    const more = reasons.length > 1 ? ` (and ${reasons.length - 1} more entries)` : ""
    return this.options.lane.deadLetter(message, `${first}${more}`)
  }

  /** Returns the changes of one input of the replication. */
  private stepOf({ changes, dropped, touched }: Outputs<Copy<K, V>>): ReadonlyArray<Change<K, V>> {
    const step: Array<Change<K, V>> = []
    for (const change of changes) this.addChange(change, step)
    for (const { mirror, why } of dropped) {
      for (const [, copy] of mirror.entries) this.addRemoved(copy, why, step)
    }
    for (const name of touched) this.addOwner(name, step)
    return step
  }

  private addChange({ next, previous }: MirrorChange<Copy<K, V>>, step: Array<Change<K, V>>): void {
    if (next === undefined || next === undecodable)
      return this.addRemoved(previous, next === undefined ? "removed" : "undecodable", step)
    const old = previous === undefined || previous === undecodable ? Option.none() : Option.some(previous.value)
    step.push({ _tag: "Set", entry: next, previous: old })
  }

  private addRemoved(copy: Copy<K, V> | undefined, why: Gone, step: Array<Change<K, V>>): void {
    if (copy !== undefined && copy !== undecodable) step.push({ _tag: "Removed", entry: copy, why })
  }

  private addOwner(name: string, step: Array<Change<K, V>>): void {
    const known = this.replica.mirrors.owner(name)
    const old = this.owners.get(name)
    if (known === undefined) {
      if (this.owners.delete(name)) step.push({ _tag: "OwnerChanged", name, owner: undefined })
      return
    }
    const { peer, state } = known
    const { generation, link, status } = peer
    const entries = this.replica.mirrors.mirrors.get(name)?.entries.size ?? 0
    const owner: Owner = { peer: { name, generation }, state, status, link, entries }
    this.owners.set(name, owner)
    const isSame =
      old?.peer.generation === generation && old.state === state && old.status === status && old.link === link
    if (!isSame) step.push({ _tag: "OwnerChanged", name, owner })
  }

  // ---- sizes ----

  readonly ownSize = () => ({ entries: this.replica.entries.count, bytes: this.replica.entries.bytes })

  readonly copiesSize = () => {
    let [entries, bytes] = [0, 0]
    for (const mirror of this.replica.mirrors.mirrors.values()) {
      entries += mirror.entries.size
      bytes += mirror.entries.bytes
    }
    return { entries, bytes }
  }

  /** The entries, for those who look at the node. */
  readonly contents: Contents<K, V> = {
    size: () => this.ownSize().entries + this.copiesSize().entries,
    entries: { [Symbol.iterator]: () => this.entries() },
  }

  readonly behind = () => this.replica.behind

  readonly ownersIn = (state: OwnerState): number => {
    let count = 0
    for (const owner of this.owners.values()) if (owner.state === state) count++
    return count
  }

  /** Describes the sizes of the map, the copies of the entries of each peer, and the copies that each peer has. */
  readonly describe = (): Description => {
    const [own, others] = [this.ownSize(), this.copiesSize()]
    return {
      facts: {
        ownEntries: own.entries,
        ownBytes: own.bytes,
        otherEntries: others.entries,
        otherBytes: others.bytes,
        behind: this.behind(),
      },
      rows: rowsOf(this.owners, (name, { state }) => {
        const mirror = this.replica.mirrors.mirrors.get(name)
        // A peer that has closed the map is forgotten as a reader with the next change only.
        const behind = state === "absent" ? undefined : this.replica.behindOf(name)
        return {
          peer: name,
          state,
          entries: mirror?.entries.size ?? 0,
          bytes: mirror?.entries.bytes ?? 0,
          ...(behind === undefined ? {} : { behind }),
        }
      }),
    }
  }
}

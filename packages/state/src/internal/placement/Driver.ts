/** Runs the rules of a placement: follows the group and the membership, and wakes the watchers of keys. */
import * as ChangeFeed from "@coterie/core/ChangeFeed"
import type { Cluster } from "@coterie/core/Cluster"
import * as ClusterEvent from "@coterie/core/ClusterEvent"
import * as MonotonicTime from "@coterie/core/MonotonicTime"
import type { Description } from "@coterie/core/NodeComponents"
import type { PeerId } from "@coterie/core/Peer"
import * as Rendezvous from "@coterie/core/Rendezvous"
import type { Clock } from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { DeadlineTimer } from "../DeadlineTimer.ts"
import { candidatesOf } from "../group/pick.ts"
import type { Group, View } from "../group/Service.ts"
import { Isolation } from "../Isolation.ts"
import type { OwnedKeys, Ownership } from "./OwnedKeys.ts"
import type { Placement } from "./Service.ts"

export interface Options<A> {
  readonly group: Group<A>
  readonly cluster: Cluster["Service"]
  readonly keys: OwnedKeys
  readonly minimumMembers: number
  /** Name of this node. */
  readonly self: string
  /** Time for which the group must be the same before this node takes keys, in milliseconds. */
  readonly settle: number
  readonly clock: Clock
  /** Called when this node takes a key or gives it up. */
  readonly onChange: (kind: "acquired" | "released") => void
}

/** State of a key. A new object for each change. */
interface State {
  readonly ownership: Ownership
}

/** A key that is watched. */
class Watched {
  readonly feed: ChangeFeed.ChangeFeed<State, "changed">
  users = 0
  state: State

  constructor(ownership: Ownership) {
    this.state = { ownership }
    this.feed = ChangeFeed.makeUnsafe<State, "changed">({ state: () => this.state, capacity: 1 })
  }

  change(ownership: Ownership): void {
    this.state = { ownership }
    this.feed.publishUnsafe("changed")
  }

  /** Waits for a state, forever if the placement is closed. */
  await(matches: (state: State) => boolean): Effect.Effect<State> {
    return Effect.flatMap(
      Stream.runHead(Stream.filter(this.feed.states, matches)),
      Option.match({ onNone: () => Effect.never, onSome: Effect.succeed }),
    )
  }
}

/** Nodes of a view of the group. None, if too few of them can be reached. */
interface Nodes {
  readonly of: View<unknown>
  readonly candidates: ReadonlyArray<Rendezvous.Candidate>
}

export class Driver<A> {
  private readonly options: Options<A>
  private readonly watched = new Map<string, Watched>()
  private readonly timer: DeadlineTimer
  private readonly isolation = new Isolation()
  /** View of the cluster after the last event, and `true` if this node may be cut off then. */
  private clusterView: ClusterEvent.View
  private isCutOff: boolean
  /** Open once this node has an effect to run. */
  private readonly hasEffect = Latch.makeUnsafe(false)
  private view: View<A> = { members: [], isSynced: false }
  private nodes: Nodes = { of: this.view, candidates: [] }
  private isClosed = false

  constructor(options: Options<A>) {
    this.options = options
    const { clock, cluster, keys } = options
    this.clusterView = cluster.viewUnsafe()
    this.isCutOff = this.isolation.update(this.clusterView.isolated, this.clusterView.peers.size)
    this.timer = new DeadlineTimer({ clock, dueAt: () => keys.dueAt(), onDue: Effect.sync(() => this.step()) })
  }

  readonly service = (): Placement => ({
    owner: (key) => Effect.map(this.owners(key, 1), ([first]) => Option.fromUndefinedOr(first)),
    owners: (key, count) => this.owners(key, count),
    watch: (key) =>
      Stream.unwrap(Effect.map(this.watch(key), ({ feed }) => Stream.map(feed.states, ({ ownership }) => ownership))),
    whileOwner: (key, run) => this.whileOwner(key, run),
    singleton: (name, run) => this.whileOwner(`singleton/${name}`, run),
  })

  /** Describes each watched key: its owner in the view of this node, and what this node does. */
  readonly describe = (): Description => {
    const { keys } = this.options
    const rows = Array.from(this.watched, ([key, { state }]) => {
      const owner = keys.owner(key)
      return { key, ownership: state.ownership, ...(owner === undefined ? {} : { owner }) }
    })
    return { facts: { keys: rows.length, mine: rows.filter(({ ownership }) => ownership === "mine").length }, rows }
  }

  /** Follows the group until it ends, and then gives up all keys. */
  get run(): Effect.Effect<void> {
    const { cluster, group } = this.options
    const groupViews = Stream.runForEach(group.views, (view) =>
      Effect.sync(() => {
        this.view = view
        this.step()
      }),
    )
    const clusterEvents = Stream.runForEach(cluster.events, (event) => Effect.sync(() => this.clusterChanged(event)))
    return Effect.ensuring(
      Effect.raceFirst(
        groupViews,
        Effect.all([clusterEvents, this.timer.run, this.logUnlessJoined], { concurrency: 3 }),
      ),
      Effect.sync(this.close),
    )
  }

  /** Writes one line to the log if this node has an effect to run, and could own keys by now, but is no member. */
  private get logUnlessJoined(): Effect.Effect<void> {
    const { group, self, settle } = this.options
    const joined = Effect.map(group.view, ({ members }) => members.some(({ peer }) => peer.name === self))
    const text =
      `state: no effect of the placement runs on this node, because it has not joined the group "${group.name}". ` +
      `Call "join" of the group on each node that may run them`
    return Effect.andThen(
      Effect.all([this.hasEffect.await, group.synced, Effect.sleep(settle)], { discard: true }),
      Effect.flatMap(joined, (isMember) => (isMember ? Effect.void : Effect.logInfo(text))),
    )
  }

  /**
   * Folds an event of the membership. Of two events in a row, `cluster.views` may emit the second view only, and the
   * number of members just before the isolation decides whether this node is cut off.
   */
  private clusterChanged(event: ClusterEvent.ClusterEvent): void {
    this.clusterView = ClusterEvent.apply(this.clusterView, event)
    const wasCutOff = this.isCutOff
    this.isCutOff = this.isolation.update(this.clusterView.isolated, this.clusterView.peers.size)
    if (this.isCutOff !== wasCutOff) this.step()
  }

  /** Applies the newest view of the group. */
  private step(): void {
    const { clock, keys } = this.options
    const now = MonotonicTime.millisUnsafe(clock)
    keys.update({ candidates: this.candidates(this.view), isCalm: this.view.isSynced && !this.isCutOff }, now)
    for (const [key, watched] of this.watched) this.refresh(key, watched)
    this.timer.update()
  }

  private refresh(key: string, watched: Watched): void {
    this.change(watched, this.options.keys.ownership(key))
  }

  private change(watched: Watched, ownership: Ownership): void {
    const before = watched.state.ownership
    if (before === ownership) return
    if (ownership === "mine") this.options.onChange("acquired")
    if (before === "mine") this.options.onChange("released")
    watched.change(ownership)
  }

  /** Gives up all keys, and ends all streams. May be called more than once. */
  readonly close = (): void => {
    this.isClosed = true
    for (const watched of this.watched.values()) {
      this.change(watched, "nobody")
      watched.feed.endUnsafe()
    }
  }

  /** Returns the nodes of a view of the group that may own keys. */
  private candidates(view: View<A>): ReadonlyArray<Rendezvous.Candidate> {
    if (this.nodes.of === view) return this.nodes.candidates
    const all = candidatesOf(view.members)
    const reached = new Set(view.members.flatMap(({ link, peer }) => (link === "down" ? [] : [peer.name])))
    this.nodes = { of: view, candidates: reached.size < this.options.minimumMembers ? [] : all }
    return this.nodes.candidates
  }

  private owners(key: string, count: number): Effect.Effect<ReadonlyArray<PeerId>> {
    const { group } = this.options
    return Effect.andThen(
      group.synced,
      Effect.map(group.view, (view) => {
        const names = Rendezvous.owners(this.candidates(view), key, count)
        return names.flatMap(({ name }) => view.members.find(({ peer }) => peer.name === name)?.peer ?? [])
      }),
    )
  }

  // ---- watched keys ----

  private readonly hold = (key: string): Watched => {
    const known = this.watched.get(key)
    const watched = known ?? new Watched("nobody")
    watched.users++
    if (known !== undefined) return known
    this.watched.set(key, watched)
    if (this.isClosed) watched.feed.endUnsafe()
    else {
      this.options.keys.add(key)
      this.refresh(key, watched)
    }
    return watched
  }

  private readonly release = (key: string, watched: Watched): void => {
    watched.users--
    if (watched.users > 0) return
    this.change(watched, "nobody")
    this.watched.delete(key)
    this.options.keys.remove(key)
  }

  /** Watches a key until the scope closes. */
  private watch(key: string): Effect.Effect<Watched, never, Scope.Scope> {
    return Effect.acquireRelease(
      Effect.sync(() => this.hold(key)),
      (watched) => Effect.sync(() => this.release(key, watched)),
    )
  }

  private whileOwner<E, R>(
    key: string,
    run: Effect.Effect<unknown, E, R>,
  ): Effect.Effect<never, E, Exclude<R, Scope.Scope>> {
    const turn = (watched: Watched) =>
      Effect.flatMap(
        watched.await(({ ownership }) => ownership === "mine"),
        (mine) =>
          // The race waits for the finalizers of the loser.
          Effect.raceFirst(
            Effect.scoped(Effect.andThen(run, Effect.never)),
            watched.await((state) => state !== mine),
          ),
      )
    return Effect.acquireUseRelease(
      Effect.sync(() => {
        this.hasEffect.openUnsafe()
        return this.hold(key)
      }),
      (watched) => Effect.forever(turn(watched)),
      (watched) => Effect.sync(() => this.release(key, watched)),
    )
  }
}

/** One group at one node. */
import * as ChangeFeed from "@coterie/core/ChangeFeed"
import type { Cluster } from "@coterie/core/Cluster"
import type { Description, Facts } from "@coterie/core/NodeComponents"
import { compareNames, type PeerId } from "@coterie/core/Peer"
import type * as Rendezvous from "@coterie/core/Rendezvous"
import type { TopicCodec } from "@coterie/core/TopicSerialization"
import { isReadonlyArrayNonEmpty } from "effect/Array"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { EntryTooLarge, Full, NotEncodable, StateError, type StateErrorReason } from "../../StateError.ts"
import { contentRows, jsonOf } from "../contents.ts"
import { oneLine } from "../oneLine.ts"
import type { OwnedMap } from "../Service.ts"
import { type Join, keyOf, Weight } from "./entries.ts"
import type { GroupIndex, JoinEntry, Subscriber } from "./GroupIndex.ts"
import { byKey, candidatesOf, isReachable, random, RoundRobin } from "./pick.ts"
import {
  type Group,
  type JoinOptions,
  type Member,
  NoMember,
  type Options as GroupOptions,
  type Policy,
  type View,
} from "./Service.ts"

export interface Options<A> {
  readonly name: string
  readonly schema: GroupOptions<A>["value"]
  /** `true` if the values of the members are shown to those who look at the node. */
  readonly showContents: boolean
  readonly cluster: Cluster["Service"]
  /** Sets an entry of the map until the scope closes. */
  readonly claim: OwnedMap<string, Join>["entry"]
  readonly synced: Effect.Effect<void>
  readonly index: GroupIndex
}

/** Returns the reason of an error of the map with the bounds of joins, which have no options. */
const reasonOfJoin = (reason: StateErrorReason): StateErrorReason => {
  switch (reason._tag) {
    case "Full":
      return new Full({ bound: reason.bound === "limits.ownerBytes" ? "joinBytes" : "joins", limit: reason.limit })
    case "EntryTooLarge":
      if (reason.bound === "limits.messageBytes") return reason
      return new EntryTooLarge({ key: reason.key, bytes: reason.bytes, bound: "joinBytes", limit: reason.limit })
    default:
      return reason
  }
}

const isWeight = Schema.is(Weight)

/** The members that can be picked, and the nodes that have them. */
interface Eligible<A> {
  readonly of: View<A>
  readonly members: ReadonlyArray<Member<A>>
  readonly candidates: () => ReadonlyArray<Rendezvous.Candidate>
}

/** Returns the number of members on each node, their weight, and the link to the node. */
const nodeRows = (members: ReadonlyArray<Member<unknown>>): ReadonlyArray<Facts> => {
  const rows = new Map<string, { peer: string; status: string; link: string; members: number; weight: number }>()
  for (const { link, peer, status, weight } of members) {
    const row = rows.get(peer.name) ?? { peer: peer.name, status, link, members: 0, weight: 0 }
    row.members++
    row.weight += weight
    rows.set(peer.name, row)
  }
  return [...rows.values()]
}

const memberRow =
  <A>(show: (value: A) => string) =>
  ({ link, peer, status, value, weight }: Member<A>): Facts => ({
    peer: peer.name,
    status,
    link,
    weight,
    value: show(value),
  })

export class OpenGroup<A> implements Subscriber {
  private readonly options: Options<A>
  private readonly codec: TopicCodec<A>
  /** Shows a value. `undefined` if values are not shown. */
  private readonly json: ((value: A) => string) | undefined
  private readonly feed: ChangeFeed.ChangeFeed<View<A>, "changed">
  private readonly decoded = new WeakMap<JoinEntry, Result.Result<A, Schema.SchemaError>>()
  private readonly roundRobin = new RoundRobin()
  private isClosed = false
  private current: View<A> | undefined
  private currentEligible: Eligible<A> | undefined
  private readonly hasUndecodable = Latch.makeUnsafe(false)
  /** Nodes whose values do not decode, with the problem. */
  private undecodable: ReadonlyArray<{ readonly peer: PeerId; readonly problem: string }> = []
  /** Generation of each node for which the log has a line. */
  private readonly reported = new Map<string, number>()

  constructor(options: Options<A>) {
    this.options = options
    this.codec = options.cluster.serialization.codec(options.schema)
    this.json = options.showContents ? jsonOf(options.schema) : undefined
    this.feed = ChangeFeed.makeUnsafe<View<A>, "changed">({ state: () => this.view(), capacity: 1 })
  }

  // ---- Subscriber ----

  readonly changed = (): void => {
    this.current = undefined
    this.feed.publishUnsafe("changed")
  }

  readonly closed = (): void => {
    if (this.isClosed) return
    this.isClosed = true
    this.changed()
    this.feed.endUnsafe()
  }

  // ---- the service ----

  readonly service = (): Group<A> => ({
    name: this.options.name,
    join: (value, options) => this.join(value, options),
    view: Effect.sync(() => this.view()),
    views: this.feed.states,
    pick: (policy) => Effect.andThen(this.options.synced, this.pick(policy)),
    synced: this.options.synced,
  })

  /** Describes the members, or their number and weight on each node if their values are not shown. */
  readonly describe = (): Description => {
    const { isSynced, members } = this.view()
    const { json } = this
    const nodes = nodeRows(members)
    return {
      facts: { members: members.length, nodes: nodes.length, isSynced },
      rows: json === undefined ? nodes : contentRows(members.length, members, memberRow(json)),
    }
  }

  /** Writes one line to the log for each life of a node whose values do not match the schema, within the budget. */
  readonly logUndecodable: Effect.Effect<never> = Effect.forever(
    Effect.suspend(() => {
      this.hasUndecodable.closeUnsafe()
      const { cluster, index, name: group } = this.options
      for (const name of this.reported.keys()) if (index.owner(name) === undefined) this.reported.delete(name)
      const news = this.undecodable.filter(({ peer }) => this.reported.get(peer.name) !== peer.generation)
      for (const { peer } of news) this.reported.set(peer.name, peer.generation)
      const lines = Effect.forEach(
        news,
        ({ peer, problem }) =>
          cluster.log.write({
            level: "Warn",
            kind: "undecodable members of groups",
            subject: peer.name,
            text: `state: a member of the group "${group}" on "${peer.name}" is not shown: ${oneLine(problem)}`,
            annotations: { peer: peer.name, generation: peer.generation },
          }),
        { discard: true },
      )
      return Effect.andThen(lines, this.hasUndecodable.await)
    }),
  )

  private join(value: A, { weight = 1 }: JoinOptions = {}): ReturnType<Group<A>["join"]> {
    const { claim, index, name } = this.options
    const encode = (next: A): Effect.Effect<Join, StateError> => {
      const bytes = this.codec.encode(next)
      if (Result.isFailure(bytes))
        return this.notEncodable(`the value does not match its schema: ${bytes.failure.message}`)
      return isWeight(weight)
        ? Effect.succeed({ weight, value: bytes.success })
        : this.notEncodable(`a weight is above 0 and at most 1,000,000, and is ${weight}`)
    }
    const ofGroup = Effect.mapError(({ reason }: StateError) => this.error(reasonOfJoin(reason)))
    return Effect.gen(function* () {
      const entry = yield* ofGroup(claim(keyOf(name, index.takeRef()), yield* encode(value)))
      return { set: (next: A) => Effect.flatMap(encode(next), (join) => ofGroup(entry.set(join))) }
    })
  }

  private error(reason: StateErrorReason): StateError {
    return new StateError({ subject: { kind: "group", name: this.options.name }, reason })
  }

  private notEncodable(message: string): Effect.Effect<never, StateError> {
    return Effect.fail(this.error(new NotEncodable({ message })))
  }

  private pick(policy: Policy): Effect.Effect<Member<A>, NoMember> {
    return Effect.suspend(() => {
      const { candidates, members } = this.eligible()
      if (!isReadonlyArrayNonEmpty(members)) return Effect.fail(new NoMember({ group: this.options.name }))
      if (policy === "roundRobin") return Effect.succeed(this.roundRobin.next(members))
      if (typeof policy === "object") return Effect.succeed(byKey(members, candidates(), policy.key))
      const own = policy === "local" ? members.filter(({ peer }) => peer.name === this.self.name) : []
      return Effect.map(Random.next, (chance) => random(isReadonlyArrayNonEmpty(own) ? own : members, chance))
    })
  }

  // ---- views ----

  private get self(): PeerId {
    return this.options.cluster.viewUnsafe().self
  }

  private view(): View<A> {
    if (this.current !== undefined) return this.current
    const view = this.makeView()
    this.current = view
    // The fiber that writes the log may run in this call.
    if (this.undecodable.length > 0) this.hasUndecodable.openUnsafe()
    return view
  }

  private makeView(): View<A> {
    if (this.isClosed) return { members: [], isSynced: false }
    const { index, name } = this.options
    const members: Array<Member<A>> = []
    const undecodable = new Map<string, { readonly peer: PeerId; readonly problem: string }>()
    const joins = index.joins(name)
    for (const owner of [...joins.keys()].sort(compareNames)) {
      const found = this.ownerOf(owner)
      if (found === undefined) continue
      const { link, peer, status } = found
      for (const [ref, entry] of [...(joins.get(owner) ?? [])].sort(([a], [b]) => a - b)) {
        const value = this.decode(entry)
        if (Result.isSuccess(value)) {
          members.push({ peer, ref, status, link, weight: entry.value.weight, value: value.success })
        } else undecodable.set(owner, { peer, problem: value.failure.message })
      }
    }
    this.undecodable = [...undecodable.values()]
    return { members, isSynced: index.isSynced }
  }

  private ownerOf(name: string): Pick<Member<A>, "peer" | "status" | "link"> | undefined {
    const { generation, name: own } = this.self
    return name === own ? { peer: { name, generation }, status: "alive", link: "up" } : this.options.index.owner(name)
  }

  private decode(entry: JoinEntry): Result.Result<A, Schema.SchemaError> {
    const known = this.decoded.get(entry)
    if (known !== undefined) return known
    const value = this.codec.decode(entry.value.value)
    this.decoded.set(entry, value)
    return value
  }

  private eligible(): Eligible<A> {
    const view = this.view()
    if (this.currentEligible?.of === view) return this.currentEligible
    const members = view.members.filter(isReachable)
    let candidates: ReadonlyArray<Rendezvous.Candidate> | undefined
    this.currentEligible = { of: view, members, candidates: () => (candidates ??= candidatesOf(members)) }
    return this.currentEligible
  }
}

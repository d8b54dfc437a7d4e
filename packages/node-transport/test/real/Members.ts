/**
 * Members of a real cluster as child processes. Functions start, kill and stop them, and wait for their reports.
 *
 * Every wait ends with a report of a member. Its generous bound only ends a test that would hang otherwise, and does
 * not assert a speed.
 */
import * as Effect from "effect/Effect"
import * as NodePath from "node:path"
import * as Child from "../../../../examples/support/Child.ts"
import * as Protocol from "./Protocol.ts"
import * as Signals from "./Signals.ts"

export const layer = Child.layer

export interface Member extends Child.Child, Signals.Signals {
  readonly address: string
  readonly generation: number
}

/** Place where a member runs. Defaults to the loopback of this machine. */
export interface Place {
  readonly host: string
  /** Command that runs another command in the place. */
  readonly enter: ReadonlyArray<string>
}

const timeout = "60 seconds"

/** Starts a member and waits until it listens. `args` are further arguments. The end of the scope kills it. */
export const start = Effect.fnUntraced(function* (
  name: string,
  seeds: ReadonlyArray<string>,
  place?: Place,
  args: ReadonlyArray<string> = [],
) {
  const [command = process.execPath, ...rest] = [
    ...(place?.enter ?? []),
    process.execPath,
    NodePath.join(import.meta.dirname, "member.ts"),
    "--name",
    name,
    ...(place === undefined ? [] : ["--host", place.host, "--insecure"]),
    ...seeds.flatMap((seed) => ["--seed", seed]),
    ...args,
  ]
  const child = yield* Child.spawnCommand(name, command, rest)
  const signals = yield* Signals.make(child)

  const { address, generation } = yield* child.expect("that it listens", report("Listening"), { within: timeout })
  const member: Member = { ...child, ...signals, address, generation }
  return member
})

/** Starts members with the address of the first as seed, and waits until all list each other. */
export const cluster = Effect.fnUntraced(function* (names: ReadonlyArray<string>) {
  const [first = "", ...rest] = names
  const seed = yield* start(first, [])
  const others = yield* Effect.forEach(rest, (name) => start(name, [seed.address]), { concurrency: "unbounded" })
  const members = [seed, ...others]
  yield* agree(members)
  return members
})

/** Starts a, b, c and d with the address of a as seed, and waits until all list each other. */
export const four = Effect.fnUntraced(function* (places: ReadonlyArray<Place> = []) {
  const a = yield* start("a", [], places[0])
  const [b, c, d] = yield* Effect.all(
    [start("b", [a.address], places[1]), start("c", [a.address], places[2]), start("d", [a.address], places[3])],
    { concurrency: "unbounded" },
  )
  yield* agree([a, b, c, d])
  return { a, b, c, d }
})

/** Matches a line that is a report of one kind and satisfies a condition. */
export const report = Child.reports(Protocol.decodeReport)

const sees = (peers: Protocol.Peers): string =>
  peers
    .map(({ address, generation, link, name, status }) => `${name} ${generation} ${address} ${status} ${link}`)
    .sort()
    .join(", ")

const isListed = ({ address, generation, name }: Member): string => `${name} ${generation} ${address} alive up`

/** Returns the mark from which the latest view of a member is found. */
const latestView = (member: Member): number => {
  let from = member.mark()
  while (from > 0 && member.since(from, report("View")).length === 0) from--
  return from
}

const sendCommand = Effect.fnUntraced(function* (member: Member, command: Protocol.Command) {
  const from = member.mark()
  yield* member.say(Protocol.encodeCommand(command))
  return from
})

/** Requests the view of a member. All its earlier reports have been read when the view is returned. */
export const view = Effect.fnUntraced(function* (member: Member) {
  const from = yield* sendCommand(member, { _tag: "View" })
  const { peers } = yield* member.expect("its view", report("Answer"), { from, within: timeout })
  return peers
})

/**
 * Waits until each member lists exactly the current lives of the others with a live link. All members must also list
 * them in a view that is requested after all have reported it.
 */
export const agree = Effect.fnUntraced(function* (
  members: ReadonlyArray<Member>,
  within: Child.Wait["within"] = timeout,
) {
  for (let agreed = false; !agreed;) {
    const wanted = members.map((member) => {
      const others = members.filter((other) => other !== member)
      return { member, others: others.map(({ name }) => name).join(), list: others.map(isListed).sort().join(", ") }
    })
    for (const { list, member, others } of wanted) {
      yield* member.expect(
        `that it lists ${others}`,
        report("View", ({ peers }) => sees(peers) === list),
        { from: latestView(member), within },
      )
    }
    const views = yield* Effect.forEach(wanted, ({ member }) => view(member), { concurrency: "unbounded" })
    agreed = wanted.every(({ list }, i) => sees(views[i] ?? []) === list)
  }
})

/** Checks that all links carry messages: every member broadcasts, and every other member receives the message. */
export const converse = Effect.fnUntraced(function* (members: ReadonlyArray<Member>, text: string) {
  for (const member of members) {
    const others = members.filter((other) => other !== member)
    const marks = others.map((other) => other.mark())
    yield* sendCommand(member, { _tag: "Broadcast", text })
    for (const [i, other] of others.entries()) {
      yield* other.expect(
        `"${text}" from ${member.name}`,
        report("Message", (message) => message.from === member.name && message.text === text),
        { from: marks[i], within: timeout },
      )
    }
  }
})

/** Waits for an event about a peer. */
export const awaitEvent = (member: Member, event: string, about: string, wait: Child.Wait) =>
  member.expect(
    `${event} for ${about}`,
    report("Event", (each) => each.event === event && each.peer === about),
    { within: timeout, ...wait },
  )

/** Waits until each member reports an event about a peer. Returns the events. */
export const awaitEventAtAll = (
  members: ReadonlyArray<Member>,
  event: string,
  about: string,
  marks: ReadonlyMap<Member, number> = new Map(),
) =>
  Effect.forEach(members, (member) => awaitEvent(member, event, about, { from: marks.get(member) ?? 0 }), {
    concurrency: "unbounded",
  })

/** Returns the current mark of each member. */
export const mark = (members: ReadonlyArray<Member>): ReadonlyMap<Member, number> =>
  new Map(members.map((member) => [member, member.mark()]))

const membership = new Set(["Joined", "Left", "Suspected", "Recovered", "Failed", "Replaced", "Disconnected"])

/** Returns the events of the membership that a member reported about a peer, in order. */
export const story = (member: Member, about: string, from = 0): ReadonlyArray<string> =>
  member
    .since(
      from,
      report("Event", ({ event, peer }) => peer === about && membership.has(event)),
    )
    .map(({ event }) => event)

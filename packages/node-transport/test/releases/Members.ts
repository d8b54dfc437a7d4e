/** Members of a cluster of several releases as child processes, with commands and waits for their reports. */
import * as Effect from "effect/Effect"
import * as Child from "../../../../examples/support/Child.ts"
import * as Protocol from "./Protocol.ts"

export const layer = Child.layer

export interface Member extends Child.Child {
  readonly address: string
}

/** Bound of each wait. It ends a test that would hang otherwise. */
const within = "60 seconds"

const report = Child.reports(Protocol.decodeReport)

/** Starts a member and waits until it listens. The end of the scope ends it. */
export const start = Effect.fnUntraced(function* (name: string, program: string, seeds: ReadonlyArray<string>) {
  const child = yield* Child.spawn(name, program, [name, ...seeds])
  const { address } = yield* child.expect("that it listens", report("Listening"), { within })
  const member: Member = { ...child, address }
  return member
})

const namesOf = (members: ReadonlyArray<Member>): ReadonlyArray<string> => members.map(({ name }) => name).sort()

/** Waits until each member has links to exactly the others, and lists them as readers of both topics. */
export const untilMet = Effect.fnUntraced(function* (members: ReadonlyArray<Member>) {
  const all = namesOf(members).join()
  for (const member of members) {
    const others = namesOf(members.filter((other) => other !== member)).join()
    yield* member.expect(
      `links to ${others}`,
      report("View", ({ peers }) => peers.map(({ name }) => name).join() === others),
      { within },
    )
    for (const topic of Protocol.TopicName.literals) {
      yield* member.expect(
        `${all} as the readers of ${topic}`,
        report("Readers", (readers) => readers.topic === topic && readers.names.join() === all),
        { within },
      )
    }
  }
})

/** Gives a member a command and waits until it is carried out. */
const command = Effect.fnUntraced(function* (member: Member, value: Protocol.Command) {
  const from = member.mark()
  yield* member.say(Protocol.encodeCommand(value))
  const failure = report("Failure", ({ command }) => command === value._tag)
  const done = report("Done", ({ command }) => command === value._tag)
  const end = yield* member.expect(`the end of ${value._tag}`, (line) => failure(line) ?? done(line), { from, within })
  if (end._tag === "Failure") {
    return yield* new Child.ChildFailure({ message: `${member.name}: ${value._tag}: ${end.message}` })
  }
})

/** Checks that each member can send a message to the inbox of each other member. */
export const sendMessages = Effect.fnUntraced(function* (members: ReadonlyArray<Member>, text: string) {
  for (const sender of members) {
    for (const receiver of members.filter((other) => other !== sender)) {
      yield* command(sender, { _tag: "Send", to: receiver.name, text })
      yield* receiver.expect(
        `a message of ${sender.name}`,
        report("Message", (message) => message.from === sender.name && message.text === text),
        { within },
      )
    }
  }
})

/** Checks that each member receives the orders that each other member publishes on each topic. */
export const publishOrders = Effect.fnUntraced(function* (members: ReadonlyArray<Member>) {
  for (const publisher of members) {
    for (const topic of Protocol.TopicName.literals) {
      const order: Protocol.Order = { id: `${publisher.name}-${topic}`, total: 12.5, items: ["tea", "grüner Tee"] }
      yield* command(publisher, { _tag: "Publish", topic, order })
      for (const reader of members.filter((other) => other !== publisher)) {
        const { from, order: read } = yield* reader.expect(
          `the order of ${publisher.name} on ${topic}`,
          report("Published", ({ order: { id } }) => id === order.id),
          { within },
        )
        if (from !== publisher.name || JSON.stringify(read) !== JSON.stringify(order)) {
          return yield* new Child.ChildFailure({ message: `${reader.name} read ${JSON.stringify(read)} of ${from}` })
        }
      }
    }
  }
})

/** Checks that each member can make requests with one answer and with several answers to each other member. */
export const makeRequests = Effect.fnUntraced(function* (members: ReadonlyArray<Member>) {
  for (const caller of members) {
    for (const server of members.filter((other) => other !== caller)) {
      const text = `${caller.name}-${server.name}`
      yield* command(caller, { _tag: "Request", to: server.name, text, times: 3 })
      yield* caller.expect(
        `the answer of ${server.name}`,
        report("Answer", (answer) => answer.from === server.name && answer.text === Array(4).fill(text).join(" ")),
        { within },
      )
    }
  }
})

/** Checks that each member lists the metadata that each other member sets. */
export const changeMetadata = Effect.fnUntraced(function* (members: ReadonlyArray<Member>, note: string) {
  for (const member of members) {
    yield* command(member, { _tag: "Note", note })
    for (const other of members.filter((other) => other !== member)) {
      yield* other.expect(
        `the note of ${member.name}`,
        report("View", ({ peers }) => peers.some((peer) => peer.name === member.name && peer.note === note)),
        { within },
      )
    }
  }
})

const awaitEvents = (members: ReadonlyArray<Member>, event: string, about: string) =>
  Effect.forEach(
    members,
    (member) =>
      member.expect(
        `${event} about ${about}`,
        report("Event", (each) => each.event === event && each.peer === about),
        { within },
      ),
    { concurrency: "unbounded", discard: true },
  )

/** Makes a member leave and waits until the others report it. */
export const leave = Effect.fnUntraced(function* (member: Member, others: ReadonlyArray<Member>) {
  yield* member.hangUp
  yield* member.ended
  yield* awaitEvents(others, "Left", member.name)
})

/** Kills a member and waits until the others report it as failed. */
export const kill = Effect.fnUntraced(function* (member: Member, others: ReadonlyArray<Member>) {
  yield* member.signal("SIGKILL")
  yield* awaitEvents(others, "Failed", member.name)
})

/** Returns the events of failures and departures that a member reported, with the peer of each. */
export const losses = (member: Member): ReadonlyArray<string> =>
  member
    .since(
      0,
      report("Event", ({ event }) => ["Left", "Failed", "Replaced", "Disconnected"].includes(event)),
    )
    .map(({ event, peer }) => `${event} ${peer}`)

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Fiber from "effect/Fiber"
import * as Ref from "effect/Ref"
import { FetchHttpClient } from "effect/http"
import * as NodeFs from "node:fs"
import * as NodeOs from "node:os"
import * as NodePath from "node:path"
import * as Child from "../support/Child.ts"
import * as Support from "./chatSupport.ts"

/** Makes a folder that is deleted after the test. */
const folder = Effect.acquireRelease(
  Effect.sync(() => NodeFs.mkdtempSync(NodePath.join(NodeOs.tmpdir(), "coterie-chat-"))),
  (path) => Effect.sync(() => NodeFs.rmSync(path, { recursive: true })),
)

/** Waits until an instance reports exactly these users at these instances. */
const sees = ({ client }: Support.Instance, expected: Readonly<Record<string, ReadonlyArray<string>>>) =>
  Support.eventually(Effect.map(client.online(), (online) => Equal.equals(online, expected)))

const members = (count: number) => (instance: Support.Instance) =>
  Support.eventually(Effect.map(Support.health(instance.url), ({ text }) => text.includes(`"peers":${count}`)))

/** Returns the instance that wrote the last report about all of the instances. */
const jobOwner = Effect.fnUntraced(function* (instances: ReadonlyArray<Support.Instance>) {
  const [first] = instances
  const reported = first === undefined ? Effect.succeed([]) : first.client.report()
  yield* Support.eventually(Effect.map(reported, ([report]) => report?.instances === instances.length))
  const [report] = yield* reported
  return instances.find(({ name }) => name === report?.by) ?? assert.fail()
})

/** Instances that are connected to each other. */
type Instances = readonly [Support.Instance, Support.Instance, Support.Instance]

/** A seed is down, and the first instance serves alone. A process with the same name logs that in one line and ends. */
const startAlone = Effect.fn("a starts alone")(function* (store: string) {
  const missing = "127.0.0.1:1"
  const a = yield* Support.start("a", store, [missing])
  const lines = a.child.since(0, (line) => (line.includes(missing) ? line : undefined))
  assert.strictEqual(lines.length, 1, lines.join("\n"))
  assert.include((yield* Support.health(a.url)).text, missing)

  const namesake = yield* Support.spawn("a", { STORE: store, COTERIE_SEEDS: a.address })
  const isError = (line: string) => (line.includes("ERROR") ? line : undefined)
  yield* namesake.expect("why it ends", isError, { within: "60 seconds" })
  assert.strictEqual(yield* namesake.ended, 1)
  // The log of the node has the line, and `runMain` adds no other.
  const errors = namesake.since(0, (line) => line).filter((line) => !/ INFO | WARN /.test(line))
  assert.strictEqual(errors.length, 1, errors.join("\n"))
  for (const line of errors) assert.include(line, 'another process has this node\'s name (option "name")')
  return a
})

/** Messages arrive at the instance of the receiver. The instances agree on names, presence and statistics. */
const converse = Effect.fn("users of three instances")(function* ([a, b, c]: Instances) {
  const ann = yield* Support.connect(a, "ann")
  const bob = yield* Support.connect(b, "bob")
  yield* Effect.forEach([a, b, c], (instance) => sees(instance, { ann: ["a"], bob: ["b"] }))

  // A cached name is invalidated on all instances.
  assert.deepStrictEqual(yield* a.client.profile({ params: { user: "ann" } }), { name: "ann" })
  yield* c.client.rename({ params: { user: "ann" }, payload: { name: "Ann" } })
  yield* Support.eventually(Effect.map(a.client.profile({ params: { user: "ann" } }), ({ name }) => name === "Ann"))

  assert.strictEqual((yield* Effect.promise(() => ann.send("1", "bob", "hello")))._tag, "Delivered")
  const sent = { id: "2", from: "cat", to: "bob", text: "also hello" }
  yield* c.client.send({ payload: sent })
  assert.deepStrictEqual(bob.received, [
    { id: "1", from: "ann", to: "bob", text: "hello", fromName: "Ann" },
    { ...sent, fromName: "cat" },
  ])
  const nobody = yield* Effect.flip(c.client.send({ payload: { ...sent, to: "nobody" } }))
  assert.deepInclude(nobody, { _tag: "NotDelivered", reason: "notOnline", maybeDelivered: false })
  ann.sendText("no frame")
  assert.strictEqual(yield* Effect.promise(() => ann.closed), 1007)
  yield* sees(c, { bob: ["b"] })

  const stats = yield* c.client.stats()
  assert.deepStrictEqual(
    [...stats].sort((x, y) => (x.instance < y.instance ? -1 : 1)),
    [
      { instance: "a", users: 0, delivered: 0 },
      { instance: "b", users: 1, delivered: 2 },
      { instance: "c", users: 0, delivered: 0 },
    ],
  )
  for (const { client } of [a, b, c]) {
    yield* Support.eventually(Effect.map(client.report(), ([report]) => report?.instances === 3 && report.users === 1))
  }
  const metrics = yield* Effect.promise(() => fetch(`${c.url}/metrics`).then((response) => response.text()))
  assert.include(metrics, `coterie_members{cluster="chat",node="c",status="alive"} 2`)
}, Effect.scoped)

/**
 * The instance that runs the job is killed. The others continue without it, and serve its users when they reconnect.
 * Returns the killed instance and the others.
 */
const killOwner = Effect.fn("an instance is killed")(function* (instances: Instances) {
  const owner = yield* jobOwner(instances)
  const [a, b, c] = [owner, ...instances.filter((instance) => instance !== owner)]
  if (b === undefined || c === undefined) return assert.fail()
  const lost = yield* Support.connect(a, "bob")
  yield* sees(b, { bob: [a.name] })
  yield* a.child.signal("SIGKILL")
  assert.strictEqual(yield* Effect.promise(() => lost.closed), 1006)
  yield* sees(b, {})
  const bob = yield* Support.connect(c, "bob")
  yield* sees(b, { bob: [c.name] })
  yield* b.client.send({ payload: { id: "1", from: "ann", to: "bob", text: "hello" } })
  assert.strictEqual(bob.received.length, 1)
  // The job has a new owner.
  yield* Support.eventually(
    Effect.map(b.client.report(), ([report]) => report !== undefined && [b.name, c.name].includes(report.by)),
  )
  return [a, b, c] as const
}, Effect.scoped)

/** All instances are replaced, one after the other, and no acknowledged message is lost. */
const restart = Effect.fn("a rolling restart")(function* (store: string, first: ReadonlyArray<Support.Instance>) {
  const running = yield* Ref.make(first)
  const codes = new Set<number>()
  const received = new Set<string>()

  // Bob reconnects to any instance that accepts him.
  const bob = Effect.gen(function* () {
    for (const instance of yield* Ref.get(running)) {
      const client = yield* Support.connect(instance, "bob")
      codes.add(yield* Effect.promise(() => client.closed))
      for (const { id } of client.received) received.add(id)
    }
  }).pipe(Effect.scoped, Effect.forever)
  const reading = yield* Effect.forkScoped(bob)

  // Ann sends one message after the other, each through any instance, until it is acknowledged.
  const acknowledged: Array<string> = []
  const ann = Effect.gen(function* () {
    const payload = { id: String(acknowledged.length), from: "ann", to: "bob", text: "hello" }
    const send = Effect.flatMap(Ref.get(running), (instances) =>
      Effect.firstSuccessOf(instances.map(({ client }) => Effect.timeout(client.send({ payload }), "10 seconds"))),
    )
    yield* Effect.retry(
      Effect.tapError(send, () => Effect.sleep("50 millis")),
      { while: () => true },
    )
    acknowledged.push(payload.id)
    // Without a pause, the messages would take both cores from the instances that start.
    yield* Effect.sleep("50 millis")
  }).pipe(Effect.forever)
  const sending = yield* Effect.forkScoped(ann)

  for (const old of first) {
    const mark = acknowledged.length
    yield* Support.eventually(Effect.sync(() => acknowledged.length > mark + 5))
    yield* old.child.signal("SIGTERM")
    const others = (yield* Ref.get(running)).filter((instance) => instance !== old)
    yield* Ref.set(running, others)
    const next = yield* Support.start(
      old.name,
      store,
      others.map(({ address }) => address),
    )
    yield* members(2)(next)
    yield* Ref.set(running, [...others, next])
  }
  const mark = acknowledged.length
  yield* Support.eventually(Effect.sync(() => acknowledged.length > mark + 5))
  yield* Fiber.interrupt(sending)
  // The last socket of Bob ends with the last instances.
  yield* Effect.forEach(yield* Ref.get(running), ({ child }) => child.signal("SIGTERM"), { concurrency: "unbounded" })
  yield* Support.eventually(Effect.sync(() => acknowledged.every((id) => received.has(id))))
  yield* Fiber.interrupt(reading)
  assert.isTrue(codes.has(1012))
}, Effect.scoped)

/** Processes start slowly on a busy machine. Each wait has a shorter timeout, whose error names the expectation. */
const testTimeout = 300_000

describe("the chat service", () => {
  it.live(
    "serves alone, of three instances, without a killed instance, and loses no message in a rolling restart",
    () =>
      Effect.gen(function* () {
        const store = yield* folder
        const a = yield* startAlone(store)
        const next = (name: string, seeds: ReadonlyArray<Support.Instance>) =>
          Support.start(
            name,
            store,
            seeds.map(({ address }) => address),
          )
        const [b, c] = yield* Effect.all([next("b", [a]), next("c", [a])], { concurrency: "unbounded" })
        yield* Effect.forEach([a, b, c], members(2), { concurrency: "unbounded" })
        yield* converse([a, b, c])
        const [killed, ...others] = yield* killOwner([a, b, c])
        const again = yield* next(killed.name, others)
        yield* Effect.forEach([...others, again], members(2), { concurrency: "unbounded" })
        yield* restart(store, [...others, again])
      }).pipe(Effect.scoped, Effect.provide([Child.layer, FetchHttpClient.layer])),
    testTimeout,
  )
})

/**
 * A cluster of five under load that replaces its secret, with restarts. As a program, it does so many times in random orders, and prints
 * the figures of each:
 *
 *     node secretRotation.ts [ROUNDS]
 */
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Random from "effect/Random"
import { Members } from "./Members.ts"
import { hasLinks, linked, OpenKeys, type Secrets, start, until } from "./secretCluster.ts"
import { otherSecret, secret } from "./secretOutcomes.ts"

export const names = ["a", "b", "c", "d", "e"] as const

/** The node that restarts. */
export const restarted = "c"

/** The node that is away while the others replace the secret. */
const away = "f"

const old: Secrets = [secret]
const both: Secrets = [otherSecret, secret]
const fresh: Secrets = [otherSecret]

export interface Plan {
  /** Order in which the nodes get the new secret, and order in which they lose the old one. */
  readonly orders: readonly [ReadonlyArray<string>, ReadonlyArray<string>]
  /**
   * Number of changes of each step before the restart with the ring of before the step, and before the restart with the ring of after
   * it. The node that restarts has its change between the two.
   */
  readonly restartsAfter: readonly [number, number]
  /** Milliseconds between two changes of rings. */
  readonly pause: number
  /** Milliseconds between two messages of a flow. */
  readonly sendPause: number
}

type RotationMembers = ReturnType<typeof makeMembers>

const makeMembers = (sendPause: number, open: OpenKeys) =>
  new Members(sendPause, (name: string, seeds, secrets: Secrets) => start({ name, secrets, open, seeds }))

/** Changes the rings one after the other. The node that restarts does so once with the ring before its change, and once after it. */
const step = Effect.fnUntraced(function* (
  members: RotationMembers,
  order: ReadonlyArray<string>,
  rings: readonly [Secrets, Secrets],
  plan: Plan,
) {
  const [before, after] = plan.restartsAfter
  let ring = rings[0]
  for (const [i, name] of order.entries()) {
    if (i === before || i === after) yield* members.restart(restarted, ring)
    if (name === restarted) ring = rings[1]
    yield* members.node(name).keyring.set(rings[1])
    yield* Effect.sleep(plan.pause)
  }
  if (after === order.length) yield* members.restart(restarted, ring)
})

/** A node that was away during the rotation is refused with the old secret, and joins when it has the new one as well. */
const comeBack = Effect.fnUntraced(function* (members: RotationMembers, open: OpenKeys) {
  const seeds = members.nodes.map(({ address }) => address)
  const node = yield* start({ name: away, secrets: old, seeds, open })
  yield* until(() => node.events.filter((event) => event === "SeedUnavailable unauthenticated").length === seeds.length)
  const isStranger =
    node.cluster.viewUnsafe().peers.size === 0 && members.nodes.every((each) => !hasLinks(each, [node]))
  yield* node.keyring.set(both)
  yield* linked([...members.nodes, node])
  yield* node.stop
  return isStranger
})

const isWhole = (life: string): boolean => names.some((name) => name !== restarted && life.startsWith(name))

export interface Report {
  readonly sent: number
  readonly received: number
  /** Messages that came twice, out of order, or not at all although a later one of the same life came. */
  readonly faults: ReadonlyArray<string>
  /** Events other than those of a join, a leave and a link that came about. */
  readonly events: ReadonlyArray<string>
  /** `true` if the node that was away was a stranger while it had the old secret alone. */
  readonly wasStranger: boolean
}

/** Replaces the secret once. Counts the messages between nodes that do not restart. */
export const rotate = Effect.fnUntraced(function* (plan: Plan) {
  const open = new OpenKeys()
  const members = makeMembers(plan.sendPause, open)
  yield* members.join(away, old)
  for (const name of names) yield* members.join(name, old)
  yield* members.leave(away)
  yield* step(members, plan.orders[0], [old, both], plan)
  yield* step(members, plan.orders[1], [both, fresh], plan)
  yield* until(() => open.count(secret) === 0 && members.nodes.every((node) => hasLinks(node, members.nodes)))
  const wasStranger = yield* comeBack(members, open)
  yield* members.traffic.stop
  const { flows } = members.traffic
  const whole = flows.filter(({ from, to }) => isWhole(from) && isWhole(to))
  // A lost message never arrives.
  yield* Effect.timeoutOption(
    until(() => whole.every(({ received, sent }) => received >= sent)),
    "10 seconds",
  )
  const report: Report = {
    sent: whole.reduce((sum, { sent }) => sum + sent, 0),
    received: whole.reduce((sum, { received }) => sum + received, 0),
    faults: flows.flatMap(({ disorders, from, gaps, to }) =>
      gaps === 0 ? disorders : [...disorders, `${from} to ${to}: ${gaps} missing`],
    ),
    events: members.events.filter((event) => !/ (Joined|Left|Reachable) [a-f]$/.test(event)),
    wasStranger,
  }
  return report
}, Effect.scoped)

const between = (min: number, max: number) => Random.nextIntBetween(min, max)

const randomPlan = Effect.gen(function* () {
  const others = names.filter((name) => name !== restarted)
  const place = yield* between(1, others.length)
  const order = Effect.map(Random.shuffle(others), (order) => [
    ...order.slice(0, place),
    restarted,
    ...order.slice(place),
  ])
  const plan: Plan = {
    orders: [yield* order, yield* order],
    restartsAfter: [yield* between(0, place), yield* between(place + 1, names.length)],
    pause: yield* between(0, 300),
    sendPause: yield* between(0, 3),
  }
  return plan
})

const program = (rounds: number) =>
  Effect.gen(function* () {
    let sent = 0
    let failed = 0
    for (let round = 1; round <= rounds; round++) {
      const plan = yield* randomPlan
      const report = yield* Effect.timeout(rotate(plan), "3 minutes")
      const isGood =
        report.faults.length === 0 &&
        report.events.length === 0 &&
        report.wasStranger &&
        report.sent === report.received
      sent += report.sent
      if (!isGood) failed++
      console.log(`${isGood ? "good" : "BAD"} ${round} of ${rounds}: ${JSON.stringify({ plan, report })}`)
    }
    console.log(`${rounds} rotations, ${sent} messages, ${failed} rotations with a fault`)
    if (failed > 0) process.exitCode = 1
  })

if (process.argv[1] === import.meta.filename) {
  const [rounds = 20] = process.argv.slice(2).map(Number)
  await Effect.runPromise(Effect.provide(program(rounds), Logger.layer([])))
}

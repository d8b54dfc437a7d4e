/** A cluster of three processes with a secret, and strangers that attack it. */
import * as Address from "@coterie/core/Address"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as NodePath from "node:path"
import * as Child from "../../../../examples/support/Child.ts"
import * as Protocol from "./Protocol.ts"

export const layer = Child.layer

export interface Options {
  /** Time of the attack, in seconds. A member is killed and started again after a third of it. */
  readonly seconds: number
  /** Addresses of the attacker. */
  readonly from: ReadonlyArray<string>
  /** Connections that say nothing. */
  readonly silent: number
  /** Handshakes with a wrong key in a second. */
  readonly rate: number
}

export interface Delays {
  readonly median: number
  readonly p99: number
}

const delaysOf = (statuses: ReadonlyArray<{ readonly delay: number }>): Delays => {
  const sorted = statuses.map(({ delay }) => delay).toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
  return { median: at(0.5), p99: at(0.99) }
}

/** Measurements of the two members that stayed, in bytes and milliseconds. */
export interface Outcome {
  readonly attempts: Readonly<Record<string, number>>
  /** Largest growth of the resident memory over that before the attack. */
  readonly growth: number
  /** Median of the shares of a processor that a member used. */
  readonly cpu: number
  /** Delays of timers, of which each quarter of a second has one. */
  readonly delays: Delays
  /** Delays before the attack, which show how busy the machine is. */
  readonly idleDelays: Delays
  /** Time from the start of the process to its links, and from when it listened. */
  readonly backAfterStart: number
  readonly backAfterListening: number
  /** Lines of the log about refused connections of the member with the most. */
  readonly lines: number
  /** Link losses between the members that stayed, and their events about each other. */
  readonly troubles: ReadonlyArray<string>
}

const file = (name: string) => NodePath.join(import.meta.dirname, name)
const report = Child.reports(Protocol.decode)
const within = "120 seconds"

/**
 * Heap of a small container. With the defaults of a large machine, V8 keeps some 50 MiB of garbage of short-lived sockets before it
 * collects them, and the resident memory shows that and not what connections hold.
 */
const heapOptions = ["--max-old-space-size=192", "--max-semi-space-size=2"]

const secret = { COTERIE_SECRET: "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=" }

const start = Effect.fnUntraced(function* (name: string, seeds: ReadonlyArray<string>) {
  const args = [...heapOptions, file("member.ts"), name, ...seeds]
  const child = yield* Child.spawnCommand(name, process.execPath, args, secret)
  const { address, generation } = yield* child.expect("that it listens", report("Listening"), { within })
  return { ...child, address, generation, life: `${name} ${generation}` }
})

type Member = Effect.Success<ReturnType<typeof start>>

/** Waits until a member has these links. */
const linked = (member: Member, lives: ReadonlyArray<string>) =>
  member.expect(
    `links to ${lives.join(", ")}`,
    report("Status", ({ up }) => lives.every((life) => up.includes(life))),
    { from: member.mark(), within },
  )

const max = (values: ReadonlyArray<number>): number => values.reduce((a, b) => Math.max(a, b), 0)

/** Starts a cluster and lets it rest for `idleSeconds`, attacks it, and returns the outcome. */
export const attack = ({ from, rate, seconds, silent }: Options, idleSeconds: number) =>
  Effect.gen(function* () {
    const a = yield* start("a", [])
    const b = yield* start("b", [a.address])
    const c = yield* start("c", [a.address, b.address])
    yield* Effect.all([linked(a, [b.life, c.life]), linked(b, [a.life, c.life])])
    const stayed = [a, b]
    const rests = stayed.map((member) => member.mark())
    yield* Effect.sleep(idleSeconds * 1_000)
    const before = stayed.flatMap((member, i) => member.since(rests[i] ?? 0, report("Status")))
    const idle = yield* Effect.forEach(stayed, (member) => linked(member, []))
    const marks = stayed.map((member) => member.mark())
    const ports = [a, b, c].flatMap(({ address }) =>
      Result.isSuccess(Address.parse(address)) ? ["--port", address.slice(address.lastIndexOf(":") + 1)] : [],
    )
    const attacker = yield* Child.spawn("attacker", file("attacker.ts"), [
      ...ports,
      ...from.flatMap((host) => ["--from", host]),
      "--silent",
      String(silent),
      "--rate",
      String(rate),
    ])
    yield* attacker.expect("its first attempts", report("Attempts"), { within })
    yield* Effect.sleep((seconds * 1_000) / 3)
    yield* c.signal("SIGKILL")
    const started = performance.now()
    const again = yield* start("c", [a.address, b.address])
    const listening = performance.now()
    yield* Effect.all([linked(a, [again.life]), linked(b, [again.life])], { concurrency: 2 })
    const back = performance.now()
    yield* Effect.sleep(Math.max(0, (seconds * 2_000) / 3 - (back - started)))
    const statuses = stayed.map((member, i) => member.since(marks[i] ?? 0, report("Status")))
    const others: Record<string, string> = { a: b.life, b: a.life }
    const troubles = stayed.flatMap((member, i) => [
      ...(statuses[i] ?? []).flatMap(({ up }) => (up.includes(others[member.name] ?? "") ? [] : ["link lost"])),
      ...member
        .since(
          marks[i] ?? 0,
          report("Trouble", ({ peer }) => peer !== "c"),
        )
        .map(({ event, peer }) => `${event} ${peer} at ${member.name}`),
    ])
    const last = attacker.since(0, report("Attempts")).at(-1)
    yield* attacker.hangUp
    const all = statuses.flat()
    return {
      attempts: last?.attempts ?? {},
      growth: max(statuses.flatMap((each, i) => each.map(({ rss }) => rss - (idle[i]?.rss ?? 0)))),
      cpu: all.map(({ cpu }) => cpu).toSorted((a, b) => a - b)[Math.floor(all.length / 2)] ?? Number.NaN,
      delays: delaysOf(all),
      idleDelays: delaysOf(before),
      backAfterStart: back - started,
      backAfterListening: back - listening,
      lines: max(all.map(({ lines }) => lines)),
      troubles,
    } satisfies Outcome
  }).pipe(Effect.scoped)

/** One address, and 64. None is that of the members, which is known. */
export const places: Readonly<Record<string, ReadonlyArray<string>>> = {
  "one address": ["127.0.0.9"],
  "64 addresses": Array.from({ length: 64 }, (_, i) => `127.0.1.${i + 1}`),
}

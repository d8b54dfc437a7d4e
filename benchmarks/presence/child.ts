/** One node of one system. */
import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises"
import { serve } from "../harness/serve.ts"
import type { Calls, Made } from "./Calls.ts"
import { now, Seen, type User } from "./Seen.ts"
import type { Driver, Node, Setup } from "./systems/Driver.ts"
import { systems } from "./systems/index.ts"

/** Number of users that join at once when a node is filled. */
const batch = 1_000

/** Resolution of timers in microseconds. A change that starts later counts from the time at which it was due. */
const resolution = 2_000

/** Returns the bytes in use after garbage collection. Finalizers of buffers run between collections. */
const used = async (): Promise<number> => {
  const { gc } = globalThis
  if (gc === undefined) throw new Error("start Node with --expose-gc")
  for (let i = 0; i < 5; i++) {
    gc()
    await turn()
  }
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** Runs steps evenly over time, with their times in microseconds, and catches up with those that are late. */
const evenly = async (
  total: number,
  interval: number,
  step: (i: number, at: number, dueAt: number) => void,
): Promise<void> => {
  const start = now()
  for (let made = 0; made < total;) {
    const due = Math.min(total, Math.floor((now() - start) / interval) + 1)
    for (; made < due; made++) step(made, now(), start + made * interval)
    // A timer each millisecond would cost more than most changes.
    await sleep(Math.max(1, Math.floor((start + made * interval - now()) / 1_000)))
  }
}

const nameOf = (node: string, number: number): string => `${node}-user-${number}`

/** Users of a node, by the order in which they joined. */
class Users {
  private readonly queue = new Set<User>()
  private number = 0
  private readonly name: string
  private readonly node: Node

  constructor(name: string, node: Node) {
    this.name = name
    this.node = node
  }

  join(since: number, status: User["status"] = "online"): Promise<void> {
    const user: User = { user: nameOf(this.name, this.number++), since, status, device: "web" }
    if (status === "online") this.queue.add(user)
    return this.node.join(user)
  }

  leave(): Promise<void> {
    const [first] = this.queue
    if (first === undefined) throw new Error("no user has joined here")
    this.queue.delete(first)
    return this.node.leave(first)
  }

  async fill(count: number): Promise<void> {
    for (let made = 0; made < count; made += batch) {
      await Promise.all(Array.from({ length: Math.min(batch, count - made) }, () => this.join(0)))
    }
  }

  async change(perSecond: number, millis: number): Promise<Made> {
    const start = now()
    // The number is even, because as many users leave as join.
    const total = 2 * Math.round((perSecond * millis) / 2_000)
    await evenly(total, 1e6 / perSecond, (i, at, dueAt) => {
      // A change that fails rejects without a handler, which ends the process.
      if (i % 2 === 0) void this.join(at - dueAt > resolution ? dueAt : at)
      else void this.leave()
    })
    const seconds = (now() - start) / 1e6
    await this.join(0, "last")
    return { changes: total, perSecond: total / seconds }
  }

  reconnect(of: string, count: number, millis: number): Promise<void> {
    return evenly(count, (millis * 1_000) / count, (i) => {
      void this.node.join({ user: nameOf(of, i), since: 0, status: "online", device: "web" })
    })
  }
}

const make = (): Calls => {
  const seen = new Seen()
  let driver: Driver | undefined
  let running: { readonly node: Node; readonly users: Users } | undefined
  const current = () => {
    if (running === undefined) throw new Error("the node has not started")
    return running
  }
  const start = async (setup: Setup): Promise<string> => {
    if (driver === undefined) throw new Error("no system is loaded")
    const node = await driver.start(setup, seen)
    running = { node, users: new Users(setup.name, node) }
    return node.address
  }
  return {
    load: async (system) => {
      driver = await systems[system]?.load()
      if (driver === undefined) throw new Error(`the system ${system} is unknown`)
    },
    start,
    fill: ({ count }) => current().users.fill(count),
    change: ({ perSecond }, millis) => current().users.change(perSecond, millis),
    reconnect: ({ count, of }, millis) => current().users.reconnect(of, count, millis),
    settled: async ({ count, last }, millis) => {
      await seen.until((counts) => counts.present === count && counts.last === last, millis)
    },
    gone: async ({ count }, millis) => {
      const [present, listed] = await Promise.all([
        seen.until((counts) => counts.present === count, millis),
        seen.until((counts) => counts.listed === count, millis),
      ])
      return { present, listed }
    },
    join: async (setup, { count }, millis) => {
      const began = now()
      await start(setup)
      return ((await seen.until(({ present }) => present === count, millis)) - began) / 1_000
    },
    samples: async () => seen.take(),
    changes: async () => seen.takeChanges(),
    entriesOf: (names) => current().node.entriesOf(new Set(names)),
    end: () => current().node.end(),
    spent: async () => {
      const { system, user } = process.cpuUsage()
      return { cpu: system + user, bytes: running?.node.bytes() ?? 0 }
    },
    memory: used,
  }
}

serve(make())
